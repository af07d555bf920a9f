-- Rows of people who agree: every mask at the scan, text and tokens on the way out
SELECT customer_id, name, postal_code, birth_date, income_band, note FROM shop.customers
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
    SUBSTRING("t"."postal_code" FROM 1 FOR 3) AS "postal_code",
    CASE
      WHEN ISFINITE("t"."birth_date")
      THEN CAST(EXTRACT(YEAR FROM "t"."birth_date") AS INT)
    END AS "birth_date",
    CAST(NULL AS TEXT) AS "income_band",
    "t"."note" AS "note",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
