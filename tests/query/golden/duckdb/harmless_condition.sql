-- A harmless condition is copied inside; nothing needs a fence
SELECT quantity FROM pos.order_lines WHERE country = 'Japan' AND quantity > 3
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."country" = 'Japan' AND "t"."quantity" > 3
) AS "order_lines"
