-- Names without quotes fold to lower case
SELECT Points, C.MEMBER_RANK FROM Shop.CUSTOMERS AS C
-->
SELECT
  "c"."points" AS "points",
  "c"."member_rank" AS "member_rank",
  "c"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "c"
