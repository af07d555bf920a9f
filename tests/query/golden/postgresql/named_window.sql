-- A named window is put where it is named
SELECT points, rank() OVER w FROM shop.customers WINDOW w AS (PARTITION BY member_rank ORDER BY points DESC)
-->
SELECT
  "customers"."points" AS "points",
  RANK() OVER (PARTITION BY "customers"."member_rank" ORDER BY "customers"."points" DESC) AS "column2"
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
