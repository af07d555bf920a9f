-- Where the only keys are texts, the mix is one of texts
SELECT invoice, sum(quantity) AS n FROM shop.order_lines GROUP BY invoice ORDER BY n DESC LIMIT 3
-->
SELECT
  "order_lines"."invoice" AS "invoice",
  SUM("order_lines"."quantity") AS "n"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "order_lines"
GROUP BY
  "order_lines"."invoice"
ORDER BY
  "n" DESC,
  HASHTEXTEXTENDED(
    CAST("order_lines"."invoice" AS TEXT),
    (
      CAST($2 AS BIGINT) * 4294967296 + CAST($3 AS BIGINT) * 2
    ) # CAST($4 AS BIGINT)
  )
LIMIT 3
