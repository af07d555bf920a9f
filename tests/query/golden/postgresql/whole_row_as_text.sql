-- A whole row is no value either
SELECT c.*::text FROM shop.customers c
-->
-- statement_refused: * stands in the select list or in COUNT(*).
