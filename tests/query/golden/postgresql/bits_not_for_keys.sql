-- A table whose key is compared with a value is read through the people table, the other by bits {bits}
SELECT c.member_rank, count(*) AS n FROM shop.customers c WHERE c.customer_id = 'p1' AND EXISTS (SELECT 1 FROM shop.order_lines o WHERE o.quantity > 5) GROUP BY c.member_rank
-->
SELECT
  "c"."member_rank" AS "member_rank",
  COUNT(*) AS "n"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."member_rank" AS "member_rank",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    (
      "g"."n" <> ALL(CAST($2 AS BIGINT[])) AND "g"."n" = CAST($1 AS BIGINT)
    )
    AND "t"."customer_id" = CAST($6 AS BIGINT)
) AS "c"
WHERE
  "c"."customer_id" = CAST($1 AS BIGINT)
  AND EXISTS(
    SELECT
      1 AS "column1"
    FROM (
      SELECT
        "t"."quantity" AS "quantity"
      FROM "sales"."order_lines" AS "t"
      WHERE
        CASE
          WHEN "t"."customer_id" BETWEEN CAST($3 AS BIGINT) AND CAST($4 AS BIGINT)
          THEN GET_BIT((
            SELECT
              CAST($5 AS BYTEA)
          ), "t"."customer_id" - CAST($3 AS BIGINT)) = 1
          ELSE FALSE
        END
        AND "t"."quantity" > 5
    ) AS "o"
  )
GROUP BY
  "c"."member_rank"
ORDER BY
  "c"."member_rank"
