-- Repeated output names are told apart
SELECT points, points, 1 AS points FROM shop.customers
-->
SELECT
  "customers"."points" AS "points",
  "customers"."points" AS "points_2",
  1 AS "points_3",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
