-- A function of a row, written as a field, is no column
SELECT c.upper FROM shop.customers c
-->
-- unknown_column: There is no column 'upper' in 'c'.
