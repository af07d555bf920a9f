-- A recursion over numbers beside a governed table
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT r.n, c.points FROM r, shop.customers c WHERE c.points = r.n
-->
WITH RECURSIVE "r"("n") AS (
  SELECT
    1 AS "column1"
  UNION ALL
  SELECT
    "r"."n" + 1 AS "column1"
  FROM "r" AS "r"
  WHERE
    "r"."n" < 3
)
SELECT
  "r"."n" AS "n",
  "c"."points" AS "points"
FROM "r" AS "r", (
  SELECT
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "c"
WHERE
  "c"."points" = "r"."n"
