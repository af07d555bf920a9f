-- Tables that read the same share a scan
SELECT a.points, b.points AS other FROM crm.customers a JOIN crm.customers b USING (customer_id) JOIN pos.order_lines o USING (customer_id)
-->
SELECT
  "a"."points" AS "points",
  "b"."points" AS "other",
  "a"."__person" AS "__person_0",
  "b"."__person" AS "__person_1",
  "o"."__person" AS "__person_2"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."points" AS "points",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "a"
JOIN (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."points" AS "points",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "b"
  USING ("customer_id")
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
  USING ("customer_id")
-- __scan0: crm, sqlite
SELECT
  "t"."points" AS "points",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
