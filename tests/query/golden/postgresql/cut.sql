-- A cut without order is ended by the mix
SELECT customer_id, points FROM shop.customers FETCH FIRST 3 ROWS ONLY
-->
SELECT
  "customers"."customer_id" AS "customer_id",
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
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
ORDER BY
  HASHINT8EXTENDED(
    "customers"."__person",
    (
      CAST($2 AS BIGINT) * 4294967296 + CAST($3 AS BIGINT) * 2
    ) # CAST($4 AS BIGINT)
  )
LIMIT 3
