-- DISTINCT ON is refused
SELECT DISTINCT ON (member_rank) member_rank, points FROM shop.customers ORDER BY member_rank, points
-->
-- statement_refused: DISTINCT with ON is not on the allow-list.
