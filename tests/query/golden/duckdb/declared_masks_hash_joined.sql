-- A keyed hash joined with masks, within one domain
SELECT count(*) AS n FROM web.events a JOIN web.events b ON a.cookie_id = b.cookie_id
-->
SELECT
  COUNT(*) AS "n"
FROM (
  SELECT
    "t"."cookie_id" AS "cookie_id",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "a"
JOIN (
  SELECT
    "t"."cookie_id" AS "cookie_id",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "b"
  ON "a"."cookie_id" = "b"."cookie_id"
