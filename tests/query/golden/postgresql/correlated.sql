-- A correlated subquery; both tables are governed
SELECT c.customer_id, (SELECT count(*) FROM shop.tickets t WHERE t.customer_id = c.customer_id AND t.minutes > 5) AS n FROM shop.customers c
-->
SELECT
  "c"."customer_id" AS "customer_id",
  (
    SELECT
      COUNT(*) AS "column1"
    FROM (
      SELECT
        "g"."n" AS "customer_id",
        "t"."minutes" AS "minutes",
        "g"."n" AS "__person"
      FROM "public"."tickets" AS "t"
      JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
        ON "g"."k" = "t"."customer_id"
      WHERE
        "g"."n" <> ALL(CAST($1 AS BIGINT[])) AND "t"."minutes" > 5
    ) AS "t"
    WHERE
      "t"."customer_id" = "c"."customer_id"
  ) AS "n"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "c"
