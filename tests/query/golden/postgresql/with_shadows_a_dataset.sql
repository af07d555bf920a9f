-- A common table expression may bear the name of a dataset
WITH customers AS (SELECT points AS p FROM shop.customers) SELECT p FROM customers WHERE p > 50
-->
WITH "customers" AS (
  SELECT
    "customers"."points" AS "p"
  FROM (
    SELECT
      "t"."points" AS "points",
      "g"."n" AS "__person"
    FROM "public"."customers" AS "t"
    JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
      ON "g"."k" = "t"."customer_id"
    WHERE
      "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  ) AS "customers"
)
SELECT
  "customers"."p" AS "p"
FROM "customers" AS "customers"
WHERE
  "customers"."p" > 50
