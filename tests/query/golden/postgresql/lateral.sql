-- LATERAL sees the sources before it
SELECT x.p FROM shop.customers c, LATERAL (SELECT c.points AS p) x
-->
SELECT
  "x"."p" AS "p"
FROM (
  SELECT
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "c", LATERAL (
  SELECT
    "c"."points" AS "p"
) AS "x"
