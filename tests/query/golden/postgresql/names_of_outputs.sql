-- GROUP BY means a source's column first, ORDER BY an output first
SELECT lower(member_rank) AS member_rank, -count(*) AS points FROM shop.customers GROUP BY member_rank ORDER BY (points)
-->
SELECT
  LOWER("customers"."member_rank") AS "member_rank",
  -COUNT(*) AS "points"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
GROUP BY
  "customers"."member_rank"
ORDER BY
  (
    "points"
  )
