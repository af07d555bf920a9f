-- A key may be compared with ANY key of its kind
SELECT points FROM shop.customers WHERE customer_id = ANY (SELECT customer_id FROM shop.tickets)
-->
SELECT
  "customers"."points" AS "points"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "customers"
WHERE
  "customers"."customer_id" = ANY (
    SELECT
      "tickets"."customer_id" AS "customer_id"
    FROM (
      SELECT
        "g"."n" AS "customer_id",
        "g"."n" AS "__person"
      FROM "public"."tickets" AS "t"
      JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
        ON "g"."k" = "t"."customer_id"
      WHERE
        "g"."n" <> ALL(CAST($1 AS BIGINT[]))
      OFFSET '0'
    ) AS "tickets"
  )
