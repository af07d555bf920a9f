-- A label of a tool stands between quotes
SELECT "country" AS "sum:country:ok", count(*) AS "COUNT(*)" FROM shop.order_lines GROUP BY 1
-->
SELECT
  "order_lines"."country" AS "sum:country:ok",
  COUNT(*) AS "COUNT(*)"
FROM (
  SELECT
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "order_lines"
GROUP BY
  1
