-- A WITH that writes is no read
WITH d AS (DELETE FROM shop.customers RETURNING *) SELECT * FROM d
-->
-- statement_refused: DELETE is not on the allow-list.
