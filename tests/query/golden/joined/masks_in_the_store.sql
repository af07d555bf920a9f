-- Masks are the store's own, and what shows nothing is not read
SELECT c.name, c.birth_date, c.postal_code, c.income_band, t.body FROM crm.customers c JOIN shop.tickets t USING (customer_id)
-->
SELECT
  "c"."name" AS "name",
  "c"."birth_date" AS "birth_date",
  "c"."postal_code" AS "postal_code",
  "c"."income_band" AS "income_band",
  "t"."body" AS "body",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    '***' AS "name",
    "t"."postal_code" AS "postal_code",
    "t"."birth_date" AS "birth_date",
    CAST(NULL AS TEXT) AS "income_band",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "c"
JOIN (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."body" AS "body",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan1" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "t"
  USING ("customer_id")
-- __scan0: crm, sqlite
SELECT
  SUBSTRING("t"."postal_code", 1, 3) AS "postal_code",
  CAST(CASE
    WHEN "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9]'
    OR "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9][^0-9]*'
    OR (
      (
        "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9][01][0-9][0-3][0-9]'
        OR "t"."birth_date" GLOB '[0-9][0-9][0-9][0-9][01][0-9][0-3][0-9][^0-9]*'
      )
      AND SUBSTRING("t"."birth_date", 5, 2) BETWEEN '01' AND '12'
    )
    THEN SUBSTRING("t"."birth_date", 1, 4)
  END AS INTEGER) AS "birth_date",
  "g"."n" AS "__person"
FROM "main"."customers" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
-- __scan1: shop, postgresql
SELECT
  "t"."body" AS "body",
  "g"."n" AS "__person"
FROM "public"."tickets" AS "t"
JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id"
WHERE
  "g"."n" <> ALL(CAST($1 AS BIGINT[]))
