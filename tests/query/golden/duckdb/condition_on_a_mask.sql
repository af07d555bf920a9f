-- A condition on a masked column stays outside: inside, it would meet the raw value
SELECT category FROM web.events WHERE user_agent = 'Firefox'
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
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "events"
WHERE
  "events"."user_agent" = 'Firefox'
