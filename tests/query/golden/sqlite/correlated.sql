-- A correlated subquery
SELECT points FROM crm.customers c WHERE EXISTS (SELECT 1 FROM crm.tickets t WHERE t.customer_id = c.customer_id AND t.minutes > 5)
-->
SELECT
  "c"."points" AS "points"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "c"
WHERE
  EXISTS(
    SELECT
      1 AS "column1"
    FROM (
      SELECT
        "g"."n" AS "customer_id",
        "t"."minutes" AS "minutes",
        "g"."n" AS "__person"
      FROM "main"."tickets" AS "t"
      JOIN "temp"."p_730ae0ee2cc6" AS "g"
        ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
      WHERE
        "t"."minutes" > 5
    ) AS "t"
    WHERE
      "t"."customer_id" = "c"."customer_id"
  )
