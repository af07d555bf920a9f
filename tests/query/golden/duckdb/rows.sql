-- Rows of people who agree; the key becomes a person number, a mask is computed at the scan
SELECT customer_id, user_agent, category FROM web.events
-->
SELECT
  "events"."customer_id" AS "customer_id",
  "events"."user_agent" AS "user_agent",
  "events"."category" AS "category",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
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
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "events"
