-- A blank is grouped beside a key: it changes no group
SELECT customer_id, name, sum(points) FROM shop.customers GROUP BY customer_id, name
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  "customers"."name" AS "name",
  SUM("customers"."points") AS "column3"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    '***' AS "name",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "customers"
GROUP BY
  "customers"."customer_id",
  "customers"."name"
