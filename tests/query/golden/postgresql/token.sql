-- A token is a parameter of the type that its column has
SELECT stock_code FROM shop.order_lines WHERE invoice = 'a token' OR invoice IS NULL
-->
SELECT
  "order_lines"."stock_code" AS "stock_code",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "t"."stock_code" AS "stock_code",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($2 AS BIGINT[]))
) AS "order_lines"
WHERE
  "order_lines"."invoice" = $1 OR "order_lines"."invoice" IS NULL
ORDER BY
  HASHINT8EXTENDED(
    "order_lines"."__person",
    (
      CAST($3 AS BIGINT) * 4294967296 + CAST($4 AS BIGINT) * 2
    ) # CAST($5 AS BIGINT)
  )
