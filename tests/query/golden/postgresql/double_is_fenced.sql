-- A double may be numeric in the server, whose comparisons are not leak-proof: fenced, not copied
SELECT quantity FROM shop.order_lines WHERE unit_price > 2.5
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."unit_price" AS "unit_price",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "order_lines"
WHERE
  "order_lines"."unit_price" > 2.5
