-- One person at a time [support]
SELECT name, email FROM crm.customers WHERE customer_id = '0123456789abcdef0123456789abcdef'
-->
SELECT
  "customers"."name" AS "name",
  "customers"."email" AS "email",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."name" AS "name",
    "t"."email" AS "email",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
  WHERE
    "g"."n" = :v0 AND "t"."customer_id" = :v1
) AS "customers"
WHERE
  "customers"."customer_id" = :v0
