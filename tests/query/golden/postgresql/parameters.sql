-- Parameters are numbered in the order of their slots and take the type of their place
SELECT points + ? AS more FROM shop.customers WHERE member_rank = ? AND points IN (?, ?) LIMIT ?
-->
SELECT
  "customers"."points" + $2 AS "more",
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
    (
      "g"."n" <> ALL(CAST($6 AS BIGINT[])) AND "t"."member_rank" = $3
    )
    AND "t"."points" IN ($4, $5)
  OFFSET '0'
) AS "customers"
LIMIT $1
