-- Data about nobody [fraud]
SELECT count(*) FROM pos.products
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    1 AS "__row"
  FROM "pos"."products" AS "t"
) AS "products"
