-- WITH RECURSIVE may refer to what stands later in PostgreSQL: refused
WITH RECURSIVE a AS (SELECT v FROM b), b AS (SELECT points AS v FROM shop.customers) SELECT v FROM a
-->
-- statement_refused: 'b' is not defined here; name datasets as store.table.
