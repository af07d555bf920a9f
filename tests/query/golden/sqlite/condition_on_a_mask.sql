-- A condition on a mask stays outside
SELECT points FROM crm.customers WHERE birth_date > 1990
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
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
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "customers"
WHERE
  "customers"."birth_date" > 1990
