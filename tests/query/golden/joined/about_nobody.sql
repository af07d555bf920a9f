-- Data about nobody is scanned as it is [fraud]
SELECT p.title, count(*) AS n FROM shop.products p JOIN pos.order_lines o USING (stock_code) GROUP BY 1
-->
SELECT
  "p"."title" AS "title",
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."title" AS "title"
  FROM "temp"."main"."__scan0" AS "t"
) AS "p"
JOIN (
  SELECT
    "t"."stock_code" AS "stock_code",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
  USING ("stock_code")
GROUP BY
  1
-- __scan0: shop, postgresql
SELECT
  "t"."stock_code" AS "stock_code",
  "t"."title" AS "title"
FROM "sales"."products" AS "t"
