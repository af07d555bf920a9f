-- An expression in ORDER BY knows no output names
SELECT note AS points FROM shop.customers ORDER BY points + 0
-->
SELECT
  "customers"."note" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."points" AS "points",
    "t"."note" AS "note",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
ORDER BY
  "customers"."points" + 0
