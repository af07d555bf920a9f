-- A pseudonym is two parameters: the person's number and the store's own key
SELECT points FROM shop.customers WHERE customer_id = 'a token'
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    (
      "g"."n" <> ALL(CAST($2 AS BIGINT[])) AND "g"."n" = CAST($1 AS BIGINT)
    )
    AND "t"."customer_id" = CAST($3 AS BIGINT)
) AS "customers"
WHERE
  "customers"."customer_id" = CAST($1 AS BIGINT)
