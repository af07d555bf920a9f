-- The fence of SQLite
SELECT abs(points) AS p FROM crm.customers WHERE member_rank = 'gold'
-->
SELECT
  ABS("customers"."points") AS "p",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
  WHERE
    "t"."member_rank" = 'gold'
  LIMIT -1
  OFFSET 0
) AS "customers"
