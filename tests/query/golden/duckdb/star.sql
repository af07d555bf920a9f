-- Only the columns that are used are read; a star names them
SELECT * FROM web.events
-->
SELECT
  "events"."event_id" AS "event_id",
  "events"."customer_id" AS "customer_id",
  "events"."cookie_id" AS "cookie_id",
  "events"."user_agent" AS "user_agent",
  "events"."event_type" AS "event_type",
  "events"."category" AS "category",
  "events"."query_text" AS "query_text",
  "events"."referrer" AS "referrer",
  "events"."invoice" AS "invoice",
  "events"."occurred_at" AS "occurred_at",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."event_id" AS "event_id",
    "g"."n" AS "customer_id",
    '***' AS "cookie_id",
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
    "t"."event_type" AS "event_type",
    "t"."category" AS "category",
    "t"."query_text" AS "query_text",
    REGEXP_EXTRACT(
      "t"."referrer",
      '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)(?::[0-9]*)?(?:[/?#]|$)',
      1
    ) AS "referrer",
    "t"."invoice" AS "invoice",
    "t"."occurred_at" AS "occurred_at",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "events"
