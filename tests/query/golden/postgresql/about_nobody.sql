-- Data about nobody [fraud]
SELECT upper(title) AS title FROM shop.products WHERE stock_code = 'S001'
-->
SELECT
  UPPER("products"."title") AS "title"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."title" AS "title"
  FROM "sales"."products" AS "t"
  WHERE
    "t"."stock_code" = 'S001'
  OFFSET '0'
) AS "products"
