-- A whole row is no column
SELECT c FROM shop.customers c
-->
-- unknown_column: There is no column 'c' in the sources of this statement.
