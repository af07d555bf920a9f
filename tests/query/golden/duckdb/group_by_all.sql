-- GROUP BY ALL names the columns without an aggregate by number
SELECT country, sum(quantity) FROM pos.order_lines GROUP BY ALL
-->
SELECT
  "order_lines"."country" AS "country",
  SUM("order_lines"."quantity") AS "column2"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
GROUP BY
  1
