-- What may fail, orders texts, reads dates of texts or a mask stays in DuckDB, above the fence
SELECT c.points FROM crm.customers c JOIN shop.order_lines o USING (customer_id) WHERE c.prefecture > 'a' AND c.signed_up_on > '2011-01-01' AND c.birth_date = 1980 AND CAST(o.stock_code AS INT) = 5 AND o.unit_price > 1.5
-->
SELECT
  "c"."points" AS "points",
  "c"."__person" AS "__person_0",
  "o"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."prefecture" AS "prefecture",
    "t"."birth_date" AS "birth_date",
    "t"."signed_up_on" AS "signed_up_on",
    "t"."points" AS "points",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
  OFFSET 0
) AS "c"
JOIN (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."unit_price" AS "unit_price",
    "t"."__person" AS "customer_id",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
  OFFSET 0
) AS "o"
  USING ("customer_id")
WHERE
  "c"."prefecture" > 'a'
  AND "c"."signed_up_on" > '2011-01-01'
  AND "c"."birth_date" = 1980
  AND CAST("o"."stock_code" AS INT) = 5
  AND "o"."unit_price" > 1.5
-- __scan0: crm, sqlite
SELECT
  "t"."prefecture" AS "prefecture",
  CAST(CASE
    WHEN "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9]'
    OR "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9][^0-9]*'
    OR (
      (
        "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9][01][0-9][0-3][0-9]'
        OR "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9][01][0-9][0-3][0-9][^0-9]*'
      )
      AND SUBSTRING("t"."birth_date", 5, 2) BETWEEN '01' AND '12'
    )
    THEN SUBSTRING("t"."birth_date", 1, 4)
  END AS INTEGER) AS "birth_date",
  "t"."signed_up_on" AS "signed_up_on",
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
-- __scan1: shop, postgresql
SELECT
  "t"."stock_code" AS "stock_code",
  "t"."unit_price" AS "unit_price",
  "g"."n" AS "__person"
FROM "sales"."order_lines" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  "g"."n" <> ALL(CAST($1 AS BIGINT[]))
