-- A token is bound, as everywhere
SELECT o.quantity, c.points FROM shop.order_lines o JOIN crm.customers c USING (customer_id) WHERE o.invoice = 'x'
-->
SELECT
  "o"."quantity" AS "quantity",
  "c"."points" AS "points",
  "o"."__person" AS "__person_0",
  "c"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "t"."quantity" AS "quantity",
    "t"."__person" AS "customer_id",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "o"
JOIN (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."points" AS "points",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "c"
  USING ("customer_id")
WHERE
  "o"."invoice" = $v0
ORDER BY
  HASH("o"."__person", $order0, $order1, $order2),
  HASH("c"."__person", $order0, $order1, $order2)
-- __scan0: shop, postgresql
SELECT
  "t"."invoice" AS "invoice",
  "t"."quantity" AS "quantity",
  "g"."n" AS "__person"
FROM "sales"."order_lines" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  "g"."n" <> ALL(CAST($2 AS BIGINT[])) AND "t"."invoice" = $1
-- __scan1: crm, sqlite
SELECT
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
