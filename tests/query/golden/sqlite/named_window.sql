-- A named window is put where it is named
SELECT customer_id, row_number() OVER w FROM crm.tickets WINDOW w AS (PARTITION BY customer_id ORDER BY minutes)
-->
SELECT
  "tickets"."customer_id" AS "customer_id",
  ROW_NUMBER() OVER (
    PARTITION BY "tickets"."customer_id"
    ORDER BY "tickets"."minutes", (
      (
        (
          (
            (
              (
                (
                  "tickets"."__person" + :order0
                ) * :order1
              ) % 2147483647
            ) * (
              (
                (
                  "tickets"."__person" + :order0
                ) * :order1
              ) % 2147483647
            )
          ) % 2147483647
        ) * :order2 + (
          (
            (
              "tickets"."__person" + :order0
            ) * :order1
          ) % 2147483647
        )
      ) % 2147483647
    )
  ) AS "column2"
FROM (
  SELECT
    "g"."n" AS "customer_id",
    "t"."minutes" AS "minutes",
    "g"."n" AS "__person"
  FROM "main"."tickets" AS "t"
  JOIN "temp"."p_730ae0ee2cc6" AS "g"
    ON "g"."k" = "t"."customer_id" AND NOT "t"."customer_id" >= ''
  LIMIT -1
  OFFSET 0
) AS "tickets"
