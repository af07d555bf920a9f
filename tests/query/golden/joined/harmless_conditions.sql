-- Conditions that cannot fail and mean the same in both engines narrow the scan
SELECT c.points FROM crm.customers c JOIN shop.order_lines o USING (customer_id) WHERE c.points > 5 AND c.prefecture IN ('a', 'b') AND o.invoiced_at >= '2011-01-01' AND o.country = 'Japan'
-->
SELECT
  "c"."points" AS "points",
  "c"."__person" AS "__person_0",
  "o"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."prefecture" AS "prefecture",
    "t"."points" AS "points",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "c"
JOIN (
  SELECT
    "t"."invoiced_at" AS "invoiced_at",
    "t"."__person" AS "customer_id",
    "t"."country" AS "country",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "o"
  USING ("customer_id")
WHERE
  "c"."points" > 5
  AND "c"."prefecture" IN ('a', 'b')
  AND "o"."invoiced_at" >= '2011-01-01'
  AND "o"."country" = 'Japan'
-- __scan0: crm, sqlite
SELECT
  "t"."prefecture" AS "prefecture",
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
WHERE
  "t"."points" > 5 AND "t"."prefecture" IN ('a', 'b')
-- __scan1: shop, postgresql
SELECT
  "t"."invoiced_at" AS "invoiced_at",
  "t"."country" AS "country",
  "g"."n" AS "__person"
FROM "sales"."order_lines" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  (
    "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."invoiced_at" >= '2011-01-01'
  )
  AND "t"."country" = 'Japan'
