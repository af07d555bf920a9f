-- There by the key alone
SELECT c.points FROM desk.customers c WHERE c.customer_id = 'x'
-->
SELECT
  "c"."points" AS "points",
  "c"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."__key"
) AS "c"
WHERE
  "c"."customer_id" = $v0
-- __scan0: desk, postgresql
SELECT
  "t"."points" AS "points",
  "t"."customer_id" AS "__key"
FROM "public"."customers" AS "t"
WHERE
  "t"."customer_id" = CAST($1 AS BIGINT)
