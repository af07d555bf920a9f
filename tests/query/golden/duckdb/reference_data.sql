-- Reference data stands beside governed data
SELECT p.title, o.quantity FROM pos.products p JOIN pos.order_lines o ON o.stock_code = p.stock_code
-->
SELECT
  "p"."title" AS "title",
  "o"."quantity" AS "quantity",
  "o"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."title" AS "title"
  FROM "pos"."products" AS "t"
) AS "p"
JOIN (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
  ON "o"."stock_code" = "p"."stock_code"
