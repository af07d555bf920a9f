-- Both sides of a set operation are governed; order and limit are lifted around it
SELECT customer_id FROM shop.customers UNION SELECT customer_id FROM shop.tickets LIMIT 5
-->
SELECT
  "__rows"."customer_id" AS "customer_id"
FROM (
  SELECT
    "customers"."customer_id" AS "customer_id"
  FROM (
    SELECT
      "g"."n" AS "customer_id",
      "g"."n" AS "__person"
    FROM "public"."customers" AS "t"
    JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
      ON "g"."k" = "t"."customer_id"
    WHERE
      "g"."n" <> ALL(CAST($1 AS BIGINT[]))
    OFFSET '0'
  ) AS "customers"
  UNION
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
) AS "__rows"
ORDER BY
  HASHINT8EXTENDED(
    "__rows"."customer_id",
    (
      CAST($2 AS BIGINT) * 4294967296 + CAST($3 AS BIGINT) * 2
    ) # CAST($4 AS BIGINT)
  )
LIMIT 5
