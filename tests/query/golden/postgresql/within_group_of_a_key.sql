-- WITHIN GROUP orders: no key stands there
SELECT mode() WITHIN GROUP (ORDER BY invoice) FROM shop.order_lines
-->
-- masked_column_use: shop.order_lines.invoice is masked (token) and cannot be used in ORDERED. A pseudonym may be compared for equality with a key of the same kind or with a pseudonym received for this purpose, joined, grouped and counted; answers without ORDER BY are ordered by pseudonym.
