-- Repeated output names are told apart
SELECT points, points, minutes AS points FROM crm.customers, crm.tickets
-->
SELECT
  "customers"."points" AS "points",
  "customers"."points" AS "points_2",
  "tickets"."minutes" AS "points_3",
  "customers"."__person" AS "__person_0",
  "tickets"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "customers"
CROSS JOIN (
  SELECT
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "tickets"
