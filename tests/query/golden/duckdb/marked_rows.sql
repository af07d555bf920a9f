-- All rows of one dataset, whoever's they are: read beside a mark for each row {bits}
SELECT country, count(*) AS n FROM pos.order_lines GROUP BY country
-->
SELECT
  "order_lines"."country" AS "country",
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."country" AS "country"
  FROM "temp"."r_d82638e31bd5" AS "t"
) AS "order_lines"
GROUP BY
  "order_lines"."country"
