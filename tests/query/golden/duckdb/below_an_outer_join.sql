-- A condition below an outer join is copied when it is false for null
SELECT o.quantity FROM pos.order_lines o LEFT JOIN web.events e ON e.customer_id = o.customer_id WHERE e.category = 'tea'
-->
SELECT
  "o"."quantity" AS "quantity",
  "o"."__person" AS "__person_0",
  "e"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
LEFT JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."category" = 'tea'
) AS "e"
  ON "e"."customer_id" = "o"."customer_id"
WHERE
  "e"."category" = 'tea'
