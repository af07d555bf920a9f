-- A division stays as it was written
SELECT points / 10 * 10 AS band, points % 7 AS rest, count(*) FROM shop.customers GROUP BY 1, 2
-->
SELECT
  "customers"."points" / 10 * 10 AS "band",
  "customers"."points" % 7 AS "rest",
  COUNT(*) AS "column3"
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
) AS "customers"
GROUP BY
  1,
  2
