-- A text joined from rows is ordered by itself at last
SELECT member_rank, string_agg(prefecture, '/' ORDER BY points) FROM shop.customers GROUP BY member_rank
-->
SELECT
  "customers"."member_rank" AS "member_rank",
  STRING_AGG(
    "customers"."prefecture", '/'
    ORDER BY
      "customers"."points",
      "customers"."prefecture"
  ) AS "column2"
FROM (
  SELECT
    "t"."prefecture" AS "prefecture",
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
GROUP BY
  "customers"."member_rank"
