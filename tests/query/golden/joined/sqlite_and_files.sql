-- A scan of SQLite hands over person numbers; consent is joined in the store and again in DuckDB
SELECT c.prefecture, count(*) AS n FROM crm.customers c JOIN pos.order_lines o USING (customer_id) GROUP BY 1
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
-- __scan0: crm, sqlite
SELECT
  "t"."prefecture" AS "prefecture",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
