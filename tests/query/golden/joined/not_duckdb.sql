-- The statement is DuckDB's SQL
SELECT julianday(c.signed_up_on) FROM crm.customers c JOIN pos.order_lines o USING (customer_id)
-->
-- statement_refused: The function julianday is not on the allow-list. Over these stores, statements are DuckDB SQL.
