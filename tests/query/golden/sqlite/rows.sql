-- Rows of people who agree; masks at the scan, text masked on the way out
SELECT customer_id, name, postal_code, birth_date, income_band, note FROM crm.customers
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  "customers"."name" AS "name",
  "customers"."postal_code" AS "postal_code",
  "customers"."birth_date" AS "birth_date",
  "customers"."income_band" AS "income_band",
  "customers"."note" AS "note",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    '***' AS "name",
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
    CAST(NULL AS TEXT) AS "income_band",
    "t"."note" AS "note",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "customers"
