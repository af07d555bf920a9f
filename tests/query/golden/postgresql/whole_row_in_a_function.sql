-- … nor an argument
SELECT to_json(c) FROM shop.customers c
-->
-- statement_refused: The function to_json is not on the allow-list.
