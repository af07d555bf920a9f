-- A scan of PostgreSQL is PostgreSQL's SQL
SELECT c.prefecture, count(*) AS n FROM shop.customers c JOIN pos.order_lines o USING (customer_id) GROUP BY 1
-->
SELECT
  "c"."prefecture" AS "prefecture",
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."prefecture" AS "prefecture",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "c"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
  USING ("customer_id")
GROUP BY
  1
-- __scan0: shop, postgresql
SELECT
  "t"."prefecture" AS "prefecture",
  "g"."n" AS "__person"
FROM "public"."customers" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  "g"."n" <> ALL(CAST($1 AS BIGINT[]))
