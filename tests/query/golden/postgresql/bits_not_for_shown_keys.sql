-- Keys that are shown become person numbers in the store, whatever bits it has {bits}
SELECT customer_id, count(*) AS n FROM shop.order_lines GROUP BY customer_id
-->
SELECT
  "order_lines"."customer_id" AS "customer_id",
  COUNT(*) AS "n"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "order_lines"
GROUP BY
  "order_lines"."customer_id"
