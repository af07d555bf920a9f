-- A pattern that ends in its escape character fails on what matches so far
SELECT points FROM shop.customers WHERE member_rank LIKE '_o\'
-->
-- statement_refused: A LIKE pattern does not end with its escape character.
