-- Positions in GROUP BY and ORDER BY
SELECT member_rank, count(*) FROM shop.customers GROUP BY 1 ORDER BY 2 DESC, 1
-->
SELECT
  "customers"."member_rank" AS "member_rank",
  COUNT(*) AS "column2"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
GROUP BY
  1
ORDER BY
  2 DESC,
  1
