-- Ties of DISTINCT ON are ended by the mix of the person
SELECT DISTINCT ON (customer_id) customer_id, channel FROM shop.tickets ORDER BY customer_id, minutes DESC
-->
SELECT
  "__rows"."customer_id" AS "customer_id",
  "__rows"."channel" AS "channel"
FROM (
  SELECT
    "tickets"."customer_id" AS "customer_id",
    "tickets"."channel" AS "channel",
    ROW_NUMBER() OVER (
      PARTITION BY "tickets"."customer_id"
      ORDER BY "tickets"."minutes" DESC, HASHINT8EXTENDED(
        "tickets"."__person",
        (
          CAST($2 AS BIGINT) * 4294967296 + CAST($3 AS BIGINT) * 2
        ) # CAST($4 AS BIGINT)
      )
    ) AS "__nth"
  FROM (
    SELECT
      "g"."n" AS "customer_id",
      "t"."channel" AS "channel",
      "t"."minutes" AS "minutes",
      "g"."n" AS "__person"
    FROM "public"."tickets" AS "t"
    JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
      ON "g"."k" = "t"."customer_id"
    WHERE
      "g"."n" <> ALL(CAST($1 AS BIGINT[]))
    OFFSET '0'
  ) AS "tickets"
) AS "__rows"
WHERE
  "__rows"."__nth" = 1
