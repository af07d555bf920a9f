-- FILTER and WITHIN GROUP
SELECT count(*) FILTER (WHERE gift) AS gifts, percentile_cont(0.5) WITHIN GROUP (ORDER BY quantity) AS half FROM shop.order_lines
-->
SELECT
  COUNT(*) FILTER(WHERE
    "order_lines"."gift") AS "gifts",
  PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY
    "order_lines"."quantity") AS "half"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."gift" AS "gift",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "order_lines"
