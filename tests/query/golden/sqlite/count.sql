-- Counting alone
SELECT count(*) FROM crm.tickets
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "tickets"
