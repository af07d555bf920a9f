-- Every occurrence is governed, also in WITH, subqueries and set operations
WITH x AS (SELECT customer_id FROM pos.order_lines) SELECT customer_id FROM x WHERE customer_id IN (SELECT customer_id FROM web.events) UNION SELECT customer_id FROM web.events
-->
WITH "x" AS (
  SELECT
    "order_lines"."customer_id" AS "customer_id"
  FROM (
    SELECT
      "g"."n" AS "customer_id",
      "g"."n" AS "__person"
    FROM "pos"."order_lines" AS "t"
    JOIN "people"."p_730ae0ee2cc6" AS "g"
      ON "g"."k" = "t"."customer_id"
    OFFSET 0
  ) AS "order_lines"
)
SELECT
  "x"."customer_id" AS "customer_id"
FROM "x" AS "x"
WHERE
  "x"."customer_id" IN (
    SELECT
      "events"."customer_id" AS "customer_id"
    FROM (
      SELECT
        "g"."n" AS "customer_id",
        "g"."n" AS "__person"
      FROM "web"."events" AS "t"
      JOIN "people"."p_730ae0ee2cc6" AS "g"
        ON "g"."k" = "t"."customer_id"
      OFFSET 0
    ) AS "events"
  )
UNION
SELECT
  "events"."customer_id" AS "customer_id"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "events"
