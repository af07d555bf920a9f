-- Bits and a fence: what may fail stays above both {bits}
SELECT count(*) AS n FROM shop.order_lines WHERE CAST(stock_code AS INT) > 5 AND country = 'Japan'
-->
SELECT
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
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
    AND "t"."country" = 'Japan'
  OFFSET '0'
) AS "order_lines"
WHERE
  CAST("order_lines"."stock_code" AS INT) > 5
