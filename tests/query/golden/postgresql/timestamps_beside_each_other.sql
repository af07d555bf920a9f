-- Two timestamps may differ in their time zone: compared by a cast, so fenced
SELECT o.quantity FROM shop.order_lines o JOIN shop.events e ON o.customer_id = e.customer_id AND o.invoiced_at < e.occurred_at
-->
SELECT
  "o"."quantity" AS "quantity",
  "o"."__person" AS "__person_0",
  "e"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."invoiced_at" AS "invoiced_at",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "o"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."occurred_at" AS "occurred_at",
    "g"."n" AS "__person"
  FROM "public"."events" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "e"
  ON "o"."customer_id" = "e"."customer_id" AND "o"."invoiced_at" < "e"."occurred_at"
