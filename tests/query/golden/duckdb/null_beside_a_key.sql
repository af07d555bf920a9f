-- A branch that says NULL stands beside a key
SELECT invoice FROM pos.order_lines UNION ALL SELECT NULL FROM pos.products
-->
SELECT
  "order_lines"."invoice" AS "invoice"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "order_lines"
UNION ALL
SELECT
  NULL AS "column1"
FROM (
  SELECT
    1 AS "__row"
  FROM "pos"."products" AS "t"
  OFFSET 0
) AS "products"
