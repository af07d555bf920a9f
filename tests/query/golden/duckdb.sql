-- Rows of people who agree; the key becomes a person number, a mask is computed at the scan
SELECT customer_id, user_agent, category FROM web.events
-->
SELECT
  "events"."customer_id" AS "customer_id",
  "events"."user_agent" AS "user_agent",
  "events"."category" AS "category",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    CASE
      WHEN "t"."user_agent" IS NULL
      THEN NULL
      WHEN "t"."user_agent" LIKE '%Edg%'
      THEN 'Edge'
      WHEN "t"."user_agent" LIKE '%Firefox%'
      THEN 'Firefox'
      WHEN "t"."user_agent" LIKE '%Chrome%'
      THEN 'Chrome'
      WHEN "t"."user_agent" LIKE '%Safari%'
      THEN 'Safari'
      ELSE 'other'
    END AS "user_agent",
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "events"

-- A harmless condition is copied inside; nothing needs a fence
SELECT quantity FROM pos.order_lines WHERE country = 'Japan' AND quantity > 3
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."country" = 'Japan' AND "t"."quantity" > 3
) AS "order_lines"
WHERE
  "order_lines"."country" = 'Japan' AND "order_lines"."quantity" > 3

-- An expression that may fail fences its table; the harmless condition is still copied inside
SELECT CAST(stock_code AS INT) AS code FROM pos.order_lines WHERE country = 'Japan'
-->
SELECT
  CAST("order_lines"."stock_code" AS INT) AS "code",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."country" = 'Japan'
  OFFSET 0
) AS "order_lines"
WHERE
  "order_lines"."country" = 'Japan'

-- A condition on a masked column stays outside: inside, it would meet the raw value
SELECT category FROM web.events WHERE user_agent = 'Firefox'
-->
SELECT
  "events"."category" AS "category",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
    CASE
      WHEN "t"."user_agent" IS NULL
      THEN NULL
      WHEN "t"."user_agent" LIKE '%Edg%'
      THEN 'Edge'
      WHEN "t"."user_agent" LIKE '%Firefox%'
      THEN 'Firefox'
      WHEN "t"."user_agent" LIKE '%Chrome%'
      THEN 'Chrome'
      WHEN "t"."user_agent" LIKE '%Safari%'
      THEN 'Safari'
      ELSE 'other'
    END AS "user_agent",
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "events"
WHERE
  "events"."user_agent" = 'Firefox'

-- A pseudonym is two parameters: the person's number and the store's own key
SELECT quantity FROM pos.order_lines WHERE customer_id = '0123456789abcdef0123456789abcdef'
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" = $v0 AND "t"."customer_id" = $v1
) AS "order_lines"
WHERE
  "order_lines"."customer_id" = $v0

-- A token is a parameter
SELECT quantity FROM pos.order_lines WHERE invoice IN ('abc', 'def')
-->
SELECT
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."invoice" AS "invoice",
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."invoice" IN ($v0, $v1)
) AS "order_lines"
WHERE
  "order_lines"."invoice" IN ($v0, $v1)

-- A comparison of unlike types may fail: fenced, not copied
SELECT count(*) FROM pos.order_lines WHERE stock_code = 5
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "t"."stock_code" AS "stock_code",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "order_lines"
WHERE
  "order_lines"."stock_code" = 5

-- Only the columns that are used are read; a star names them
SELECT * FROM web.events
-->
SELECT
  "events"."event_id" AS "event_id",
  "events"."customer_id" AS "customer_id",
  "events"."cookie_id" AS "cookie_id",
  "events"."user_agent" AS "user_agent",
  "events"."event_type" AS "event_type",
  "events"."category" AS "category",
  "events"."query_text" AS "query_text",
  "events"."referrer" AS "referrer",
  "events"."invoice" AS "invoice",
  "events"."occurred_at" AS "occurred_at",
  "events"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."event_id" AS "event_id",
    "g"."n" AS "customer_id",
    '***' AS "cookie_id",
    CASE
      WHEN "t"."user_agent" IS NULL
      THEN NULL
      WHEN "t"."user_agent" LIKE '%Edg%'
      THEN 'Edge'
      WHEN "t"."user_agent" LIKE '%Firefox%'
      THEN 'Firefox'
      WHEN "t"."user_agent" LIKE '%Chrome%'
      THEN 'Chrome'
      WHEN "t"."user_agent" LIKE '%Safari%'
      THEN 'Safari'
      ELSE 'other'
    END AS "user_agent",
    "t"."event_type" AS "event_type",
    "t"."category" AS "category",
    "t"."query_text" AS "query_text",
    REGEXP_EXTRACT("t"."referrer", '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@]+)', 1) AS "referrer",
    "t"."invoice" AS "invoice",
    "t"."occurred_at" AS "occurred_at",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "events"

-- An aggregate carries no person numbers
SELECT country, count(DISTINCT customer_id) AS people FROM pos.order_lines GROUP BY country
-->
SELECT
  "order_lines"."country" AS "country",
  COUNT(DISTINCT "order_lines"."customer_id") AS "people"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."country" AS "country",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"
GROUP BY
  "order_lines"."country"

-- Every occurrence is governed, also in WITH, subqueries and set operations
WITH x AS (SELECT customer_id FROM pos.order_lines) SELECT customer_id FROM x WHERE customer_id IN (SELECT customer_id FROM web.events) UNION SELECT customer_id FROM web.events
-->
WITH "x" AS (
  SELECT
    "order_lines"."customer_id" AS "customer_id"
  FROM (
    SELECT
      "g"."n" AS "customer_id",
      "g"."n" AS "__person"
    FROM "pos"."order_lines" AS "t"
    JOIN "people"."p_730ae0ee2cc6" AS "g"
      ON "g"."k" = "t"."customer_id"
    OFFSET 0
  ) AS "order_lines"
)
SELECT
  "x"."customer_id" AS "customer_id"
FROM "x" AS "x"
WHERE
  "x"."customer_id" IN (
    SELECT
      "events"."customer_id" AS "customer_id"
    FROM (
      SELECT
        "g"."n" AS "customer_id",
        "g"."n" AS "__person"
      FROM "web"."events" AS "t"
      JOIN "people"."p_730ae0ee2cc6" AS "g"
        ON "g"."k" = "t"."customer_id"
      OFFSET 0
    ) AS "events"
  )
UNION
SELECT
  "events"."customer_id" AS "customer_id"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "events"

-- A condition below an outer join is copied when it is false for null
SELECT o.quantity FROM pos.order_lines o LEFT JOIN web.events e ON e.customer_id = o.customer_id WHERE e.category = 'tea'
-->
SELECT
  "o"."quantity" AS "quantity",
  "o"."__person" AS "__person_0",
  "e"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
LEFT JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "t"."category" = 'tea'
) AS "e"
  ON "e"."customer_id" = "o"."customer_id"
WHERE
  "e"."category" = 'tea'

-- A condition that is true for null stays outside
SELECT o.quantity FROM pos.order_lines o LEFT JOIN web.events e ON e.customer_id = o.customer_id WHERE e.category IS NULL
-->
SELECT
  "o"."quantity" AS "quantity",
  "o"."__person" AS "__person_0",
  "e"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
LEFT JOIN (
  SELECT
    "g"."n" AS "customer_id",
    "t"."category" AS "category",
    "g"."n" AS "__person"
  FROM "web"."events" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "e"
  ON "e"."customer_id" = "o"."customer_id"
WHERE
  "e"."category" IS NULL

-- Without consent everybody known is there, and rows of nobody are not [fraud]
SELECT customer_id, quantity FROM pos.order_lines
-->
SELECT
  "order_lines"."customer_id" AS "customer_id",
  "order_lines"."quantity" AS "quantity",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_1e38d67dbe8f" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"

-- Data about nobody [fraud]
SELECT count(*) FROM pos.products
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    1 AS "__row"
  FROM "pos"."products" AS "t"
) AS "products"

-- Names are the catalogue's, whatever the requester's case
SELECT Pos.Order_Lines.QUANTITY AS Q FROM POS.order_lines
-->
SELECT
  "order_lines"."quantity" AS "q",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "order_lines"

-- A decimal of many digits makes the engine cast the column: fenced
SELECT count(*) FROM pos.order_lines WHERE quantity > 0.0000000000000000000000000001
-->
SELECT
  COUNT(*) AS "column1"
FROM (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  OFFSET 0
) AS "order_lines"
WHERE
  "order_lines"."quantity" > 0.0000000000000000000000000001
