-- Keys that are joined and counted, and neither shown nor compared with a value, stand for the people {bits}
SELECT c.member_rank, count(DISTINCT o.customer_id) AS n, sum(o.quantity) AS items FROM shop.customers c JOIN shop.order_lines o ON o.customer_id = c.customer_id GROUP BY c.member_rank
-->
SELECT
  "c"."member_rank" AS "member_rank",
  COUNT(DISTINCT "o"."customer_id") AS "n",
  SUM("o"."quantity") AS "items"
FROM (
  SELECT
    "t"."customer_id" AS "customer_id",
    "t"."member_rank" AS "member_rank"
  FROM "public"."customers" AS "t"
  WHERE
    CASE
      WHEN "t"."customer_id" BETWEEN CAST($1 AS BIGINT) AND CAST($2 AS BIGINT)
      THEN GET_BIT((
        SELECT
          CAST($3 AS BYTEA)
      ), "t"."customer_id" - CAST($1 AS BIGINT)) = 1
      ELSE FALSE
    END
) AS "c"
JOIN (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."customer_id" AS "customer_id"
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
) AS "o"
  ON "o"."customer_id" = "c"."customer_id"
GROUP BY
  "c"."member_rank"
