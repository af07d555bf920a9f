-- Also where nothing but the number of rows is asked
SELECT count(*) AS n FROM desk.customers
-->
SELECT
  COUNT(*) AS "n"
FROM (
  SELECT
    "g"."n" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."__key"
) AS "customers"
-- __scan0: desk, postgresql
SELECT
  "t"."customer_id" AS "__key"
FROM "public"."customers" AS "t"
