-- PostgreSQL compares a decimal as numeric, which is not leak-proof there; DuckDB does not mind
SELECT c.points FROM shop.customers c JOIN pos.order_lines o USING (customer_id) WHERE c.points > 1.5
-->
SELECT
  "c"."points" AS "points",
  "c"."__person" AS "__person_0",
  "o"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."points" AS "points",
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
WHERE
  "c"."points" > 1.5
-- __scan0: shop, postgresql
SELECT
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "public"."customers" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  "g"."n" <> ALL(CAST($1 AS BIGINT[]))
