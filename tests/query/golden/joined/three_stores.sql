-- Each store reads its own part
SELECT c.points, t.minutes, o.quantity FROM shop.customers c JOIN crm.tickets t USING (customer_id) JOIN pos.order_lines o USING (customer_id)
-->
SELECT
  "c"."points" AS "points",
  "t"."minutes" AS "minutes",
  "o"."quantity" AS "quantity",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1",
  "o"."__person" AS "__person_2"
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
    "t"."__person" AS "customer_id",
    "t"."minutes" AS "minutes",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "t"
  USING ("customer_id")
JOIN (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
  USING ("customer_id")
-- __scan0: shop, postgresql
SELECT
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "public"."customers" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  "g"."n" <> ALL(CAST($1 AS BIGINT[]))
-- __scan1: crm, sqlite
SELECT
  "t"."minutes" AS "minutes",
  "g"."n" AS "__person"
FROM "main"."tickets" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
