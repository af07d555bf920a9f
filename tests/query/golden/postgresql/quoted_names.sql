-- A quoted name keeps its case and is another name
SELECT "points" AS "Points", member_rank AS points FROM shop.customers ORDER BY "Points", points
-->
SELECT
  "customers"."points" AS "Points",
  "customers"."member_rank" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
ORDER BY
  "Points",
  "points"
