-- SUBSTRING from a text is a regular expression
SELECT substring(member_rank FROM 'o(.)') FROM shop.customers
-->
-- statement_refused: SUBSTRING takes whole numbers here (a text is a pattern); cast to INT.
