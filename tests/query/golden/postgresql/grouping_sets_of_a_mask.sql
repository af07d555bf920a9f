-- A blank in a grouping set would make groups
SELECT count(*) FROM shop.events GROUP BY GROUPING SETS ((category), (cookie_id))
-->
-- masked_column_use: shop.events.cookie_id is masked (redact) and cannot be used in GROUP BY. Its value is not shown for this purpose, so nothing can be compared or computed with it.
