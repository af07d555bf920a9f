-- Keys of different domains are not joined
SELECT o.quantity FROM shop.order_lines o JOIN crm.tickets t ON t.ticket_id = o.invoice
-->
-- masked_column_use: crm.tickets.ticket_id is masked (token) and cannot be used in = with another kind of key. A pseudonym may be compared for equality with a key of the same kind or with a pseudonym received for this purpose, joined, grouped and counted; answers without ORDER BY are ordered by pseudonym.
