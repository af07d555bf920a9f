-- A literal takes the type of its column: copied
SELECT quantity FROM shop.order_lines WHERE invoiced_at >= '2011-03-01' AND invoiced_at < '2011-04-01'
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."invoiced_at" AS "invoiced_at",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    (
      "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."invoiced_at" >= '2011-03-01'
    )
    AND "t"."invoiced_at" < '2011-04-01'
) AS "order_lines"
