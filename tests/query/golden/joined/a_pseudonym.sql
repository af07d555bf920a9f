-- A pseudonym narrows each scan by number and by key
SELECT c.points FROM crm.customers c JOIN shop.tickets t USING (customer_id) WHERE c.customer_id = 'x' AND t.customer_id = 'x'
-->
SELECT
  "c"."points" AS "points",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1"
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
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "t"
  USING ("customer_id")
WHERE
  "c"."customer_id" = $v0 AND "t"."customer_id" = $v1
ORDER BY
  HASH("c"."__person", $order0, $order1, $order2),
  HASH("t"."__person", $order0, $order1, $order2)
-- __scan0: crm, sqlite
SELECT
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
WHERE
  "g"."n" = :v0 AND "t"."customer_id" = :v2
-- __scan1: shop, postgresql
SELECT
  "g"."n" AS "__person"
FROM "public"."tickets" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  (
    "g"."n" <> ALL(CAST($2 AS BIGINT[])) AND "g"."n" = CAST($1 AS BIGINT)
  )
  AND "t"."customer_id" = CAST($3 AS BIGINT)
