-- A condition of WHERE narrows, one of ON does not
SELECT c.points FROM pos.order_lines o LEFT JOIN crm.customers c ON c.customer_id = o.customer_id AND c.points = 7 WHERE c.prefecture = 'a'
-->
SELECT
  "c"."points" AS "points",
  "o"."__person" AS "__person_0",
  "c"."__person" AS "__person_1"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
LEFT JOIN (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."prefecture" AS "prefecture",
    "t"."points" AS "points",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "c"
  ON "c"."customer_id" = "o"."customer_id" AND "c"."points" = 7
WHERE
  "c"."prefecture" = 'a'
-- __scan0: crm, sqlite
SELECT
  "t"."prefecture" AS "prefecture",
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
WHERE
  "t"."prefecture" = 'a'
