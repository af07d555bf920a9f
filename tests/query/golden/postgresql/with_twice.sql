-- Two common table expressions of one name are refused
WITH x AS (SELECT points AS v FROM shop.customers) SELECT s.v FROM (WITH x AS (SELECT note AS v FROM shop.customers) SELECT v FROM x) s
-->
-- statement_refused: Two common table expressions have one name; give each its own.
