-- An aggregate carries no person numbers
SELECT country, count(DISTINCT customer_id) AS people FROM pos.order_lines GROUP BY country
-->
SELECT
  "order_lines"."country" AS "country",
  COUNT(DISTINCT "order_lines"."customer_id") AS "people"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
GROUP BY
  "order_lines"."country"
