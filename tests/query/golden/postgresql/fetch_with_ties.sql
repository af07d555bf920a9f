-- FETCH … WITH TIES would not be ended by the mix: refused
SELECT customer_id FROM shop.customers ORDER BY points FETCH FIRST 3 ROWS WITH TIES
-->
-- statement_refused: FETCH is not on the allow-list.
