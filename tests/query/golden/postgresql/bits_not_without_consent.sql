-- Where no consent is asked, everybody who is known is listed [fraud] {bits}
SELECT country, count(*) AS n FROM shop.order_lines GROUP BY country
-->
SELECT
  "order_lines"."country" AS "country",
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
GROUP BY
  "order_lines"."country"
