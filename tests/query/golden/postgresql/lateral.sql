-- LATERAL is refused
SELECT x.p FROM shop.customers c, LATERAL (SELECT c.points AS p) x
-->
-- statement_refused: LATERAL is not on the allow-list.
