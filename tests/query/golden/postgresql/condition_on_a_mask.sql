-- A condition on a mask stays outside: inside, it would meet the raw value
SELECT category FROM shop.events WHERE user_agent = 'Firefox' AND event_type = 'view'
-->
SELECT
  "events"."category" AS "category",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
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
    "g"."n" AS "__person"
  FROM "public"."events" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."event_type" = 'view'
) AS "events"
WHERE
  "events"."user_agent" = 'Firefox'
