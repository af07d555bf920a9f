-- A pattern that ends with a literal
SELECT points FROM shop.customers WHERE member_rank LIKE 'go%' OR prefecture ILIKE '%' || ? || '%' OR member_rank LIKE ?
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
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
    "g"."n" <> ALL(CAST($3 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
WHERE
  "customers"."member_rank" LIKE 'go%'
  OR "customers"."prefecture" ILIKE '%' || $2 || '%'
  OR "customers"."member_rank" LIKE $1
