-- A purpose without consent reads whoever is known [fraud]
SELECT c.name, t.minutes FROM crm.customers c JOIN desk.tickets t USING (customer_id)
-->
SELECT
  "c"."name" AS "name",
  "t"."minutes" AS "minutes",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."name" AS "name",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
) AS "c"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."__key"
) AS "t"
  USING ("customer_id")
-- __scan0: crm, sqlite
SELECT
  "t"."name" AS "name",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_1e38d67dbe8f" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
-- __scan1: desk, postgresql
SELECT
  "t"."minutes" AS "minutes",
  "t"."customer_id" AS "__key"
FROM "public"."tickets" AS "t"
