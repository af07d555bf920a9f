-- A regular expression has no bound that a statement shows
SELECT points FROM shop.customers WHERE member_rank ~ '(a+)+$'
-->
-- statement_refused: ~ is not on the allow-list.
