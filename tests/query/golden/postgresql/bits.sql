-- An aggregate that asks of nobody who they are: a bit for each key in place of the people table {bits}
SELECT country, count(*) AS n FROM shop.order_lines GROUP BY country
-->
SELECT
  "order_lines"."country" AS "country",
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."country" AS "country"
  FROM "sales"."order_lines" AS "t"
  WHERE
    CASE
      WHEN "t"."customer_id" BETWEEN CAST($1 AS BIGINT) AND CAST($2 AS BIGINT)
      THEN GET_BIT((
        SELECT
          CAST($3 AS BYTEA)
      ), "t"."customer_id" - CAST($1 AS BIGINT)) = 1
      ELSE FALSE
    END
) AS "order_lines"
GROUP BY
  "order_lines"."country"
