-- Whoever asks for people has them joined {bits}
SELECT count(DISTINCT customer_id) AS n FROM pos.order_lines
-->
SELECT
  COUNT(DISTINCT "order_lines"."customer_id") AS "n"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
