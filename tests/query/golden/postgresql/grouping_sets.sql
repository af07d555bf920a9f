-- Grouping sets may hold keys
SELECT customer_id, country, count(*), grouping(country) FROM shop.order_lines GROUP BY ROLLUP (customer_id, country)
-->
SELECT
  "order_lines"."customer_id" AS "customer_id",
  "order_lines"."country" AS "country",
  COUNT(*) AS "column3",
  GROUPING("order_lines"."country") AS "column4"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "order_lines"
GROUP BY
  ROLLUP (
    "order_lines"."customer_id",
    "order_lines"."country"
  )
