-- The columns of USING stand first in a star
SELECT * FROM shop.tickets t JOIN shop.customers c USING (customer_id)
-->
SELECT
  "customer_id" AS "customer_id",
  "t"."ticket_id" AS "ticket_id",
  "t"."channel" AS "channel",
  "t"."opened_at" AS "opened_at",
  "t"."body" AS "body",
  "t"."resolved" AS "resolved",
  "t"."minutes" AS "minutes",
  "c"."name" AS "name",
  "c"."email" AS "email",
  "c"."postal_code" AS "postal_code",
  "c"."prefecture" AS "prefecture",
  "c"."birth_date" AS "birth_date",
  "c"."income_band" AS "income_band",
  "c"."member_rank" AS "member_rank",
  "c"."signed_up_on" AS "signed_up_on",
  "c"."points" AS "points",
  "c"."note" AS "note",
  "t"."__person" AS "__person_0",
  "c"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."ticket_id" AS "ticket_id",
    "g"."n" AS "customer_id",
    "t"."channel" AS "channel",
    "t"."opened_at" AS "opened_at",
    "t"."body" AS "body",
    "t"."resolved" AS "resolved",
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "public"."tickets" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "t"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    '***' AS "name",
    '***' AS "email",
    SUBSTRING("t"."postal_code" FROM 1 FOR 3) AS "postal_code",
    "t"."prefecture" AS "prefecture",
    CASE
      WHEN ISFINITE("t"."birth_date")
      THEN CAST(EXTRACT(YEAR FROM "t"."birth_date") AS INT)
    END AS "birth_date",
    CAST(NULL AS TEXT) AS "income_band",
    "t"."member_rank" AS "member_rank",
    "t"."signed_up_on" AS "signed_up_on",
    "t"."points" AS "points",
    "t"."note" AS "note",
    "g"."n" AS "__person"
  FROM "public"."customers" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
) AS "c"
  USING ("customer_id")
