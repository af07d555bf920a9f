-- A copy that carries person numbers is joined by them {copies}
SELECT country, count(*) AS n FROM pos.order_lines GROUP BY country
-->
SELECT
  "order_lines"."country" AS "country",
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."country" AS "country",
    "t"."__person" AS "__person"
  FROM "colocated"."pos.order_lines" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "order_lines"
GROUP BY
  "order_lines"."country"
