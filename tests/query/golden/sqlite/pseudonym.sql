-- A pseudonym as parameter
SELECT points FROM crm.customers WHERE customer_id = ?
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
  WHERE
    "g"."n" = :v0 AND "t"."customer_id" = :v1
) AS "customers"
WHERE
  "customers"."customer_id" = :v0
