-- Rows carry the person's number for the recheck: the people table, and those who withdrew {bits}
SELECT quantity FROM shop.order_lines WHERE country = 'Japan'
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."country" = 'Japan'
) AS "order_lines"
