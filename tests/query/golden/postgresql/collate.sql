-- COLLATE is refused
SELECT points FROM shop.customers ORDER BY member_rank COLLATE "C"
-->
-- statement_refused: function collate is not on the allow-list.
