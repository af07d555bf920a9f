-- A pattern whose end nobody sees
SELECT points FROM shop.customers WHERE member_rank LIKE prefecture
-->
-- statement_refused: A LIKE pattern is a literal or a parameter, or ends with a literal (|| '%').
