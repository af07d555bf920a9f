-- A cast of a column bears the column's name
SELECT points::text, signed_up_on::timestamp AS at, CAST(points AS double precision) / 3 AS third FROM shop.customers
-->
SELECT
  CAST("customers"."points" AS TEXT) AS "points",
  CAST("customers"."signed_up_on" AS TIMESTAMP) AS "at",
  CAST("customers"."points" AS DOUBLE PRECISION) / 3 AS "third",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."signed_up_on" AS "signed_up_on",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
