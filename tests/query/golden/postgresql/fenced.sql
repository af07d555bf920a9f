-- An expression that may fail fences its table; the harmless condition is still copied inside
SELECT abs(points) AS p FROM shop.customers WHERE member_rank = 'gold'
-->
SELECT
  ABS("customers"."points") AS "p",
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
    "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."member_rank" = 'gold'
  OFFSET '0'
) AS "customers"
