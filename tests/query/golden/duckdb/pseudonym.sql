-- A pseudonym is two parameters: the person's number and the store's own key
SELECT quantity FROM pos.order_lines WHERE customer_id = '0123456789abcdef0123456789abcdef'
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" = $v0 AND "t"."customer_id" = $v1
) AS "order_lines"
WHERE
  "order_lines"."customer_id" = $v0
