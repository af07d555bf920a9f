-- LATERAL sees the sources before it
SELECT x.q FROM pos.order_lines o, LATERAL (SELECT e.category AS q FROM web.events e WHERE e.invoice = o.invoice LIMIT 1) x
-->
SELECT
  "x"."q" AS "q"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "o", LATERAL (
  SELECT
    "e"."category" AS "q"
  FROM (
    SELECT
      "t"."category" AS "category",
      "t"."invoice" AS "invoice",
      "g"."n" AS "__person"
    FROM "web"."events" AS "t"
    JOIN "people"."p_730ae0ee2cc6" AS "g"
      ON "g"."k" = "t"."customer_id"
    OFFSET 0
  ) AS "e"
  WHERE
    "e"."invoice" = "o"."invoice"
  LIMIT 1
) AS "x"
