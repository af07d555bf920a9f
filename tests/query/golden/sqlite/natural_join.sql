-- NATURAL joins by the columns that the catalogue has on both sides
SELECT points, channel FROM crm.customers NATURAL LEFT JOIN crm.tickets
-->
SELECT
  "customers"."points" AS "points",
  "tickets"."channel" AS "channel",
  "customers"."__person" AS "__person_0",
  "tickets"."__person" AS "__person_1"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "customers"
LEFT JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."channel" AS "channel",
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "tickets"
  USING ("customer_id")
