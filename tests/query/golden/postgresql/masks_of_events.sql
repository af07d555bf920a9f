-- Browser and host at the scan, a token on the way out
SELECT event_id, user_agent, referrer, query_text FROM shop.events
-->
SELECT
  "events"."event_id" AS "event_id",
  "events"."user_agent" AS "user_agent",
  "events"."referrer" AS "referrer",
  "events"."query_text" AS "query_text",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."event_id" AS "event_id",
    CASE
      WHEN "t"."user_agent" IS NULL
      THEN NULL
      WHEN "t"."user_agent" LIKE '%Edg%'
      THEN 'Edge'
      WHEN "t"."user_agent" LIKE '%Firefox%'
      THEN 'Firefox'
      WHEN "t"."user_agent" LIKE '%Chrome%'
      THEN 'Chrome'
      WHEN "t"."user_agent" LIKE '%Safari%'
      THEN 'Safari'
      ELSE 'other'
    END AS "user_agent",
    "t"."query_text" AS "query_text",
    CASE
      WHEN "t"."referrer" IS NULL
      THEN NULL
      ELSE COALESCE(
        SUBSTRING("t"."referrer" FROM '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)(?::[0-9]*)?(?:[/?#]|$)'),
        ''
      )
    END AS "referrer",
    "g"."n" AS "__person"
  FROM "public"."events" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "events"
