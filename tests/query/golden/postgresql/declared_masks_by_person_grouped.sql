-- Dates that go by person, with masks, have no groups
SELECT birth_date, count(*) AS people FROM shop.customers GROUP BY birth_date
-->
-- masked_column_use: shop.customers.birth_date is masked (date_shift) and cannot be used in GROUP BY. It may only be an output column of its own.
