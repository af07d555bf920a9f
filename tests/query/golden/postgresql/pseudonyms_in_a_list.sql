-- The parameters of a list keep their order
SELECT points FROM shop.customers WHERE customer_id IN ('first', ?, 'third') AND points > ?
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    (
      (
        "g"."n" <> ALL(CAST($5 AS BIGINT[]))
        AND "g"."n" IN (CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))
      )
      AND "t"."customer_id" IN (CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS BIGINT))
    )
    AND "t"."points" > $4
) AS "customers"
WHERE
  "customers"."customer_id" IN (CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))
ORDER BY
  HASHINT8EXTENDED(
    "customers"."__person",
    (
      CAST($9 AS BIGINT) * 4294967296 + CAST($10 AS BIGINT) * 2
    ) # CAST($11 AS BIGINT)
  )
