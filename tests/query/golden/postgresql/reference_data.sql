-- Reference data stands beside governed data
SELECT p.title, sum(o.quantity) FROM shop.order_lines o JOIN shop.products p USING (stock_code) GROUP BY p.title
-->
SELECT
  "p"."title" AS "title",
  SUM("o"."quantity") AS "column2"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "o"
JOIN (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."title" AS "title"
  FROM "sales"."products" AS "t"
) AS "p"
  USING ("stock_code")
GROUP BY
  "p"."title"
