-- A join of two tables of one store
SELECT c.points, t.minutes FROM crm.customers c JOIN crm.tickets t USING (customer_id)
-->
SELECT
  "c"."points" AS "points",
  "t"."minutes" AS "minutes",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "c"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "t"
  USING ("customer_id")
