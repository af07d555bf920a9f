-- One person at a time [support]
SELECT customer_id, email FROM shop.customers WHERE customer_id = ?
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  "customers"."email" AS "email",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."email" AS "email",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" = CAST($1 AS BIGINT) AND "t"."customer_id" = CAST($2 AS BIGINT)
) AS "customers"
WHERE
  "customers"."customer_id" = CAST($1 AS BIGINT)
