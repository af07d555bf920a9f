-- An expression that may fail fences its table; the harmless condition is still copied inside
SELECT CAST(stock_code AS INT) AS code FROM pos.order_lines WHERE country = 'Japan'
-->
SELECT
  CAST("order_lines"."stock_code" AS INT) AS "code",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."country" = 'Japan'
  OFFSET 0
) AS "order_lines"
