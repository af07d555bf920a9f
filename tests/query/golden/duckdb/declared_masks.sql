-- Order lines with masks that columns declare
SELECT customer_id, quantity, unit_price, invoiced_at FROM pos.order_lines WHERE quantity > 5
-->
SELECT
  "order_lines"."customer_id" AS "customer_id",
  "order_lines"."quantity" AS "quantity",
  "order_lines"."unit_price" AS "unit_price",
  "order_lines"."invoiced_at" AS "invoiced_at",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    CASE
      WHEN "t"."quantity" > 9
      THEN 9
      WHEN "t"."quantity" < 2
      THEN 2
      ELSE "t"."quantity"
    END AS "quantity",
    "t"."unit_price" AS "unit_price",
    "t"."invoiced_at" AS "invoiced_at",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
WHERE
  "order_lines"."quantity" > 5
