-- A condition below an outer join is copied when it is false for null
SELECT c.customer_id, t.channel FROM shop.customers c LEFT JOIN shop.tickets t ON t.customer_id = c.customer_id WHERE t.channel = 'mail'
-->
SELECT
  "c"."customer_id" AS "customer_id",
  "t"."channel" AS "channel",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "c"
LEFT JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."channel" AS "channel",
    "g"."n" AS "__person"
  FROM "public"."tickets" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."channel" = 'mail'
) AS "t"
  ON "t"."customer_id" = "c"."customer_id"
WHERE
  "t"."channel" = 'mail'
