-- Without consent everybody known is there, and rows of nobody are not [fraud]
SELECT customer_id, email FROM shop.customers WHERE points > 5
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  "customers"."email" AS "email",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."email" AS "email",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."points" > 5
) AS "customers"
