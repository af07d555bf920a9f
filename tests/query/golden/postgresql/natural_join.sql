-- NATURAL joins by the columns that the catalogue has on both sides
SELECT points FROM shop.customers NATURAL JOIN shop.tickets
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0",
  "tickets"."__person" AS "__person_1"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "public"."tickets" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "tickets"
  USING ("customer_id")
