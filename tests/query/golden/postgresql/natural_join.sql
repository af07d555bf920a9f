-- NATURAL joins by whatever columns there are: refused
SELECT points FROM shop.customers NATURAL JOIN shop.tickets
-->
-- statement_refused: JOIN with METHOD is not on the allow-list.
