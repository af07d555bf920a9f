-- Dates and times
SELECT date_trunc('month', invoiced_at) AS month, extract(hour FROM invoiced_at) AS h, to_char(invoiced_at, 'YYYY-MM') AS ym, (invoiced_at AT TIME ZONE 'Asia/Tokyo')::date AS day, invoiced_at + interval '1 day' AS next FROM shop.order_lines
-->
SELECT
  DATE_TRUNC('MONTH', "order_lines"."invoiced_at") AS "month",
  EXTRACT(HOUR FROM "order_lines"."invoiced_at") AS "h",
  TO_CHAR("order_lines"."invoiced_at", 'YYYY-MM') AS "ym",
  CAST((
    "order_lines"."invoiced_at" AT TIME ZONE 'Asia/Tokyo'
  ) AS DATE) AS "day",
  "order_lines"."invoiced_at" + INTERVAL '1 DAY' AS "next",
  "order_lines"."__person" AS "__person_0"
FROM (
  SELECT
    "t"."invoiced_at" AS "invoiced_at",
    "g"."n" AS "__person"
  FROM "sales"."order_lines" AS "t"
  JOIN "sekisho"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
  WHERE
    "g"."n" <> ALL(CAST($1 AS BIGINT[]))
  OFFSET '0'
) AS "order_lines"
