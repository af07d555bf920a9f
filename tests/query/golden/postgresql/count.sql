-- Counting alone reads the key and nothing else
SELECT count(*) AS n FROM shop.customers
-->
SELECT
  COUNT(*) AS "n"
FROM (
  SELECT
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
