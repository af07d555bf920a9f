-- A harmless condition is copied inside; nothing needs a fence
SELECT points FROM shop.customers WHERE member_rank = 'gold' AND points BETWEEN 10 AND 50
-->
SELECT
  "customers"."points" AS "points",
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
      "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."member_rank" = 'gold'
    )
    AND "t"."points" BETWEEN 10 AND 50
) AS "customers"
