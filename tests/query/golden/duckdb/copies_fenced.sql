-- The same with a fence {copies}
SELECT count(*) AS n FROM pos.order_lines WHERE CAST(stock_code AS INT) > 5
-->
SELECT
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."__person" AS "__person"
  FROM "colocated"."pos.order_lines" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
  OFFSET 0
) AS "order_lines"
WHERE
  CAST("order_lines"."stock_code" AS INT) > 5
