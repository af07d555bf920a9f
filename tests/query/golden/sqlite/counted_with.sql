-- A WITH that is counted
WITH n(i) AS (SELECT 1 UNION ALL SELECT 2) SELECT count(*) FROM crm.tickets, n
-->
WITH "n"("i") AS (
  SELECT
    1 AS "column1"
  UNION ALL
  SELECT
    2 AS "column1"
)
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
  LIMIT -1
  OFFSET 0
) AS "tickets"
CROSS JOIN "n" AS "n"
