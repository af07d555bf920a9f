-- Customers with masks that columns declare
SELECT customer_id, prefecture, points, signed_up_on, member_rank, name, email, birth_date FROM crm.customers WHERE points = 50
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  "customers"."prefecture" AS "prefecture",
  "customers"."points" AS "points",
  "customers"."signed_up_on" AS "signed_up_on",
  "customers"."member_rank" AS "member_rank",
  "customers"."name" AS "name",
  "customers"."email" AS "email",
  "customers"."birth_date" AS "birth_date",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."name" AS "name",
    "t"."email" AS "email",
    CASE
      WHEN "t"."prefecture" IS NULL
      THEN NULL
      WHEN CAST("t"."prefecture" AS TEXT) IN ('東京都')
      THEN 'east'
      WHEN CAST("t"."prefecture" AS TEXT) IN ('大阪府', '京都府')
      THEN 'west'
      ELSE '*'
    END AS "prefecture",
    "t"."birth_date" AS "birth_date",
    CASE
      WHEN "t"."member_rank" IS NULL
      THEN NULL
      WHEN LENGTH("t"."member_rank") > 1
      THEN SUBSTRING("t"."member_rank", 1, 1) || '***'
      ELSE '***'
    END AS "member_rank",
    CASE
      WHEN "t"."signed_up_on" GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*'
      AND SUBSTRING("t"."signed_up_on", 6, 2) BETWEEN '01' AND '12'
      THEN SUBSTRING("t"."signed_up_on", 1, 4) || CASE
        WHEN SUBSTRING("t"."signed_up_on", 6, 2) < '04'
        THEN '-01-01'
        WHEN SUBSTRING("t"."signed_up_on", 6, 2) < '07'
        THEN '-04-01'
        WHEN SUBSTRING("t"."signed_up_on", 6, 2) < '10'
        THEN '-07-01'
        ELSE '-10-01'
      END
    END AS "signed_up_on",
    CASE
      WHEN CAST("t"."points" AS INTEGER) >= -9000000000000000000
      THEN CAST("t"."points" AS INTEGER) - (
        (
          (
            CAST("t"."points" AS INTEGER) % 50
          ) + 100
        ) % 50
      )
    END AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
) AS "customers"
WHERE
  "customers"."points" = 50
