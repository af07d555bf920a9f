-- ON does not see what stands before a comma; PostgreSQL would look around the statement
SELECT c.points FROM shop.customers c WHERE EXISTS (SELECT 1 FROM (SELECT 'x' AS note) c, (SELECT 1 AS one) a JOIN (SELECT 1 AS two) b ON c.note > 'a')
-->
-- statement_refused: ON does not see 'c': it joins other sources.
