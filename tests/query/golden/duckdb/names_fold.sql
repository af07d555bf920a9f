-- Names are the catalogue's, whatever the requester's case
SELECT Pos.Order_Lines.QUANTITY AS Q FROM POS.order_lines
-->
SELECT
  "order_lines"."quantity" AS "q",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
