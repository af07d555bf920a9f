-- the scan takes the days around an instant, DuckDB compares the instants
SELECT t.minutes, o.quantity FROM crm.tickets t JOIN pos.order_lines o USING (customer_id) WHERE t.opened_at = '2025-04-01 10:15:00'
-->
SELECT
  "t"."minutes" AS "minutes",
  "o"."quantity" AS "quantity",
  "t"."__person" AS "__person_0",
  "o"."__person" AS "__person_1"
FROM (
  SELECT
    "t"."__person" AS "customer_id",
    "t"."opened_at" AS "opened_at",
    "t"."minutes" AS "minutes",
    "t"."__person" AS "__person"
  FROM "temp"."main"."__scan0" AS "t"
  JOIN "people"."n_6c2eab0bc9c2" AS "g"
    ON "g"."n" = "t"."__person"
) AS "t"
JOIN (
  SELECT
    "t"."quantity" AS "quantity",
    "g"."n" AS "customer_id",
    "g"."n" AS "__person"
  FROM "pos"."order_lines" AS "t"
  JOIN "people"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id"
) AS "o"
  USING ("customer_id")
WHERE
  "t"."opened_at" = '2025-04-01 10:15:00'
-- __scan0: crm, sqlite
SELECT
  CASE
    WHEN "t"."opened_at" < '0001-'
    THEN NULL
    WHEN "t"."opened_at" = DATETIME("t"."opened_at", '+0 days')
    THEN "t"."opened_at"
    WHEN SUBSTRING("t"."opened_at", 1, 10) || ' ' || SUBSTRING("t"."opened_at", 12, 8) = DATETIME("t"."opened_at", '+0 days')
    AND SUBSTRING("t"."opened_at", 11, 1) IN (' ', 'T')
    THEN SUBSTRING("t"."opened_at", 1, 10) || ' ' || SUBSTRING("t"."opened_at", 12, 8) || CASE
      WHEN SUBSTRING("t"."opened_at", 17, 1) = ':'
      AND SUBSTRING("t"."opened_at", 20, 1) = '.'
      THEN RTRIM(
        RTRIM(
          SUBSTRING(
            SUBSTRING(
              "t"."opened_at",
              20,
              LENGTH("t"."opened_at") - 19 - LENGTH(LTRIM(SUBSTRING("t"."opened_at", 21), '0123456789'))
            ),
            1,
            7
          ),
          '0'
        ),
        '.'
      )
      ELSE ''
    END
    WHEN NOT COALESCE(DATE(SUBSTRING("t"."opened_at", 1, 10), '+0 days'), '') = SUBSTRING("t"."opened_at", 1, 10)
    THEN NULL
    WHEN LENGTH("t"."opened_at") = 10
    THEN "t"."opened_at" || ' 00:00:00'
    WHEN NOT (
      SUBSTRING("t"."opened_at", 11, 6) GLOB '[ T][0-2][0-9]:[0-5][0-9]'
      AND SUBSTRING("t"."opened_at", 12, 2) < '24'
    )
    THEN NULL
    WHEN INSTR("t"."opened_at", '.') = 0 AND NOT DATETIME("t"."opened_at") IS NULL
    THEN DATETIME("t"."opened_at", '+0 days')
    WHEN SUBSTRING("t"."opened_at", 17, 1) = ':'
    AND SUBSTRING("t"."opened_at", 20, 2) GLOB '.[0-9]'
    AND SUBSTRING("t"."opened_at", -6) GLOB '[+-][0-9][0-9]:[0-9][0-9]'
    AND LENGTH(LTRIM(SUBSTRING("t"."opened_at", 21), '0123456789')) = 6
    THEN DATETIME(SUBSTRING("t"."opened_at", 1, 19) || SUBSTRING("t"."opened_at", -6), '+0 days') || RTRIM(
      RTRIM(SUBSTRING("t"."opened_at", 20, MIN(7, LENGTH("t"."opened_at") - 25)), '0'),
      '.'
    )
    WHEN DATETIME(
      '2000' || SUBSTRING(
        "t"."opened_at",
        5,
        LENGTH("t"."opened_at") - 4 - LENGTH(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789'))
      )
    ) IS NULL
    THEN NULL
    ELSE DATETIME(
      SUBSTRING(
        "t"."opened_at",
        1,
        CASE SUBSTRING("t"."opened_at", 17, 1) WHEN ':' THEN 19 ELSE 16 END
      ),
      CASE
        WHEN RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')) IN ('', 'Z', 'z')
        THEN '+0 days'
        WHEN SUBSTRING(RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')), 2, 2) <= '14'
        AND (
          RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')) GLOB '[+-][01][0-9]'
          OR RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')) GLOB '[+-][01][0-9][0-5][0-9]'
          OR RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')) GLOB '[+-][01][0-9]:[0-5][0-9]'
        )
        THEN CASE SUBSTRING(RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')), 1, 1)
          WHEN '+'
          THEN '-'
          ELSE '+'
        END || SUBSTRING(
          (
            REPLACE(SUBSTRING(RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')), 2), ':', '') || '00'
          ),
          1,
          2
        ) || ':' || SUBSTRING(
          (
            REPLACE(SUBSTRING(RTRIM(LTRIM(SUBSTRING("t"."opened_at", 17), ' :.0123456789')), 2), ':', '') || '00'
          ),
          3,
          2
        )
      END
    ) || CASE
      WHEN SUBSTRING("t"."opened_at", 17, 1) = ':'
      AND SUBSTRING("t"."opened_at", 20, 1) = '.'
      THEN RTRIM(
        RTRIM(
          SUBSTRING(
            SUBSTRING(
              "t"."opened_at",
              20,
              LENGTH("t"."opened_at") - 19 - LENGTH(LTRIM(SUBSTRING("t"."opened_at", 21), '0123456789'))
            ),
            1,
            7
          ),
          '0'
        ),
        '.'
      )
      ELSE ''
    END
  END AS "opened_at",
  "t"."minutes" AS "minutes",
  "g"."n" AS "__person"
FROM "main"."tickets" AS "t"
JOIN "temp"."p_730ae0ee2cc6" AS "g"
  ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
WHERE
  "t"."opened_at" >= '2025-03-31' AND "t"."opened_at" < '2025-04-03'
