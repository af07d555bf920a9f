-- A decimal of many digits makes the engine cast the column: fenced
SELECT count(*) FROM pos.order_lines WHERE quantity > 0.0000000000000000000000000001
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "order_lines"
WHERE
  "order_lines"."quantity" > 0.0000000000000000000000000001
