-- Customers with masks that columns declare
SELECT customer_id, prefecture, points, signed_up_on, member_rank, name, email, birth_date FROM shop.customers WHERE points = 50
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
      THEN SUBSTRING("t"."member_rank" FROM 1 FOR 1) || '***'
      ELSE '***'
    END AS "member_rank",
    CASE
      WHEN ISFINITE("t"."signed_up_on")
      AND EXTRACT(YEAR FROM "t"."signed_up_on") BETWEEN 1 AND 9999
      THEN MAKE_DATE(
        CAST(EXTRACT(YEAR FROM "t"."signed_up_on") AS INT),
        CAST(EXTRACT(QUARTER FROM "t"."signed_up_on") AS INT) * 3 - 2,
        1
      )
    END AS "signed_up_on",
    CASE
      WHEN CAST("t"."points" AS BIGINT) >= -9000000000000000000
      THEN CAST("t"."points" AS BIGINT) - (
        (
          (
            CAST("t"."points" AS BIGINT) % 50
          ) + 100
        ) % 50
      )
    END AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
WHERE
  "customers"."points" = 50
