-- A numbering of rows that show keys is ended by the mix
SELECT customer_id, row_number() OVER (PARTITION BY member_rank ORDER BY points DESC) AS nth FROM shop.customers
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  ROW_NUMBER() OVER (
    PARTITION BY "customers"."member_rank"
    ORDER BY "customers"."points" DESC, HASHINT8EXTENDED(
      "customers"."__person",
      (
        CAST($2 AS BIGINT) * 4294967296 + CAST($3 AS BIGINT) * 2
      ) # CAST($4 AS BIGINT)
    )
  ) AS "nth"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
