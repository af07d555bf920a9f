-- A relation with a schema is read there, one without in public
SELECT o.quantity, c.points FROM shop.order_lines o JOIN shop.customers c USING (customer_id)
-->
SELECT
  "o"."quantity" AS "quantity",
  "c"."points" AS "points",
  "o"."__person" AS "__person_0",
  "c"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "o"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "c"
  USING ("customer_id")
