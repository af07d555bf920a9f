-- instants are told in one spelling; what stands beside one is brought to it, and an index serves the days around
SELECT channel, MAX(opened_at) AS newest FROM crm.tickets WHERE opened_at >= '2025-04-01T09:00:00+09:00' AND opened_at < ? GROUP BY channel
-->
SELECT
  "tickets"."channel" AS "channel",
  MAX("tickets"."opened_at") AS "newest"
FROM (
  SELECT
    "t"."channel" AS "channel",
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
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
  WHERE
    "t"."opened_at" >= '2025-03-31' AND "t"."opened_at" < :v1
) AS "tickets"
WHERE
  "tickets"."opened_at" >= '2025-04-01 00:00:00' AND "tickets"."opened_at" < :v0
GROUP BY
  "tickets"."channel"
