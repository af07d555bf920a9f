-- A keyed hash with masks takes no literal
SELECT points FROM shop.customers WHERE email = 'hanako@example.org'
-->
-- masked_column_use: shop.customers.email is masked (hmac) and cannot be used in = with a value: a keyed hash is never turned back. A pseudonym may be compared for equality with a key of the same kind or with a pseudonym received for this purpose, joined, grouped and counted; answers without ORDER BY are ordered by pseudonym.
