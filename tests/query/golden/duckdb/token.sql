-- A token is a parameter
SELECT quantity FROM pos.order_lines WHERE invoice IN ('abc', 'def')
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."invoice" IN ($v0, $v1)
) AS "order_lines"
WHERE
  "order_lines"."invoice" IN ($v0, $v1)
ORDER BY
  HASH("order_lines"."__person", $order0, $order1, $order2)
