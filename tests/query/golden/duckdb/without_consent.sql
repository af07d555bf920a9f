-- Without consent everybody known is there, and rows of nobody are not [fraud]
SELECT customer_id, quantity FROM pos.order_lines
-->
SELECT
  "order_lines"."customer_id" AS "customer_id",
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
