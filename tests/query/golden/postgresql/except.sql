-- Keys of one kind may be set against each other
SELECT customer_id FROM shop.customers EXCEPT SELECT customer_id FROM shop.tickets WHERE minutes > 3
-->
SELECT
  "customers"."customer_id" AS "customer_id"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
EXCEPT
SELECT
  "tickets"."customer_id" AS "customer_id"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "public"."tickets" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."minutes" > 3
  OFFSET '0'
) AS "tickets"
