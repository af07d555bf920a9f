-- Parameters keep their places
SELECT points FROM crm.customers WHERE points BETWEEN ? AND ? AND member_rank = ?
-->
SELECT
  "customers"."points" AS "points",
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
    "t"."points" BETWEEN :v0 AND :v1 AND "t"."member_rank" = :v2
) AS "customers"
