-- Rows of people who agree; masks at the scan, text masked on the way out
SELECT customer_id, name, postal_code, birth_date, income_band, note FROM crm.customers
-->
SELECT
  "customers"."customer_id" AS "customer_id",
  "customers"."name" AS "name",
  "customers"."postal_code" AS "postal_code",
  "customers"."birth_date" AS "birth_date",
  "customers"."income_band" AS "income_band",
  "customers"."note" AS "note",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    '***' AS "name",
    SUBSTRING("t"."postal_code", 1, 3) AS "postal_code",
    CAST(SUBSTRING("t"."birth_date", 1, 4) AS INTEGER) AS "birth_date",
    CAST(NULL AS TEXT) AS "income_band",
    "t"."note" AS "note",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "customers"

-- A harmless condition is copied inside
SELECT points FROM crm.customers WHERE member_rank = 'gold'
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."member_rank" = 'gold'
) AS "customers"
WHERE
  "customers"."member_rank" = 'gold'

-- The fence of SQLite
SELECT abs(points) AS p FROM crm.customers WHERE member_rank = 'gold'
-->
SELECT
  ABS("customers"."points") AS "p",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."member_rank" = 'gold'
  LIMIT -1
  OFFSET 0
) AS "customers"
WHERE
  "customers"."member_rank" = 'gold'

-- A condition on a mask stays outside
SELECT points FROM crm.customers WHERE birth_date > 1990
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    CAST(SUBSTRING("t"."birth_date", 1, 4) AS INTEGER) AS "birth_date",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "customers"
WHERE
  "customers"."birth_date" > 1990

-- A pseudonym as parameter
SELECT points FROM crm.customers WHERE customer_id = ?
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" = :v0 AND "t"."customer_id" = :v1
) AS "customers"
WHERE
  "customers"."customer_id" = :v0

-- Parameters keep their places
SELECT points FROM crm.customers WHERE points BETWEEN ? AND ? AND member_rank = ?
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."member_rank" AS "member_rank",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."points" BETWEEN :v0 AND :v1 AND "t"."member_rank" = :v2
) AS "customers"
WHERE
  "customers"."points" BETWEEN :v0 AND :v1 AND "customers"."member_rank" = :v2

-- A join of two tables of one store
SELECT c.points, t.minutes FROM crm.customers c JOIN crm.tickets t USING (customer_id)
-->
SELECT
  "c"."points" AS "points",
  "t"."minutes" AS "minutes",
  "c"."__person" AS "__person_0",
  "t"."__person" AS "__person_1"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "c"
JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "t"
  USING ("customer_id")

-- A correlated subquery
SELECT points FROM crm.customers c WHERE EXISTS (SELECT 1 FROM crm.tickets t WHERE t.customer_id = c.customer_id AND t.minutes > 5)
-->
SELECT
  "c"."points" AS "points"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "c"
WHERE
  EXISTS(
    SELECT
      1 AS "column1"
    FROM (
      SELECT
        "g"."n" AS "customer_id",
        "t"."minutes" AS "minutes",
        "g"."n" AS "__person"
      FROM "main"."tickets" AS "t"
      JOIN "temp"."p_730ae0ee2cc6" AS "g"
        ON "g"."k" = "t"."customer_id"
      WHERE
        "t"."minutes" > 5
    ) AS "t"
    WHERE
      "t"."customer_id" = "c"."customer_id" AND "t"."minutes" > 5
  )

-- Repeated output names are told apart
SELECT points, points, minutes AS points FROM crm.customers, crm.tickets
-->
SELECT
  "customers"."points" AS "points",
  "customers"."points" AS "points_2",
  "tickets"."minutes" AS "points_3",
  "customers"."__person" AS "__person_0",
  "tickets"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "customers"
CROSS JOIN (
  SELECT
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "tickets"

-- Comments do not survive
SELECT points /* x */ FROM crm.customers -- y
-->
SELECT
  "customers"."points" AS "points",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."points" AS "points",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "customers"

-- One person at a time [support]
SELECT name, email FROM crm.customers WHERE customer_id = '0123456789abcdef0123456789abcdef'
-->
SELECT
  "customers"."name" AS "name",
  "customers"."email" AS "email",
  "customers"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."name" AS "name",
    "t"."email" AS "email",
    "g"."n" AS "__person"
  FROM "main"."customers" AS "t"
  JOIN "temp"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" = :v0 AND "t"."customer_id" = :v1
) AS "customers"
WHERE
  "customers"."customer_id" = :v0

-- Counting alone
SELECT count(*) FROM crm.tickets
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "tickets"
