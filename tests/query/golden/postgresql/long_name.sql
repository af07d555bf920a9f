-- A name that PostgreSQL would cut off is refused
SELECT points AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa FROM shop.customers
-->
-- statement_refused: A name is longer than 63 bytes: PostgreSQL would cut it off.
