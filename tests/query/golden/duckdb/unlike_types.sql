-- A comparison of unlike types may fail: fenced, not copied
SELECT count(*) FROM pos.order_lines WHERE stock_code = 5
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "order_lines"
WHERE
  "order_lines"."stock_code" = 5
