-- A recursion that counts keys up is refused
WITH RECURSIVE r(k) AS (SELECT customer_id FROM shop.customers UNION ALL SELECT k + 1 FROM r WHERE k < 3) SELECT count(*) FROM r
-->
-- masked_column_use: shop.customers.customer_id is masked (pseudonym) and cannot be used in +. A pseudonym may be compared for equality with a key of the same kind or with a pseudonym received for this purpose, joined, grouped and counted; answers without ORDER BY are ordered by pseudonym.
