-- A store that allows no writing hands over its keys, DuckDB alone knows who agrees
SELECT c.customer_id, c.prefecture FROM desk.customers c WHERE c.points > 5
-->
SELECT
  "c"."customer_id" AS "customer_id",
  "c"."prefecture" AS "prefecture",
  "c"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."prefecture" AS "prefecture",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."__key"
) AS "c"
WHERE
  "c"."points" > 5
-- __scan0: desk, postgresql
SELECT
  "t"."prefecture" AS "prefecture",
  "t"."points" AS "points",
  "t"."customer_id" AS "__key"
FROM "public"."customers" AS "t"
WHERE
  "t"."points" > 5
