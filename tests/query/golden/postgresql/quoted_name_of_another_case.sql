-- A quoted name of another case is no column
SELECT "Points" FROM shop.customers
-->
-- unknown_column: There is no column 'Points' in the sources of this statement.
