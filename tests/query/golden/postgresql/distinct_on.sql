-- DISTINCT ON numbers the rows, so that ties can be ended
SELECT DISTINCT ON (member_rank) member_rank, points FROM shop.customers ORDER BY member_rank, points
-->
SELECT
  "__rows"."member_rank" AS "member_rank",
  "__rows"."points" AS "points"
FROM (
  SELECT
    "customers"."member_rank" AS "member_rank",
    "customers"."points" AS "points",
    ROW_NUMBER() OVER (PARTITION BY "customers"."member_rank" ORDER BY "customers"."points") AS "__nth"
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
    OFFSET '0'
  ) AS "customers"
) AS "__rows"
WHERE
  "__rows"."__nth" = 1
ORDER BY
  "__rows"."member_rank"
