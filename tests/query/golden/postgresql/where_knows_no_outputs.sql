-- WHERE and HAVING know no output names
SELECT points + 1 AS more FROM shop.customers WHERE more > 5
-->
-- unknown_column: There is no column 'more' in the sources of this statement.
