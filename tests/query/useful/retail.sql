-- retail-01 revenue by country
SELECT country, sum(quantity * unit_price) AS revenue, count(DISTINCT invoice) AS invoices
FROM shop.order_lines GROUP BY country ORDER BY revenue DESC;

-- retail-02 monthly active buyers [postgresql duckdb]
SELECT date_trunc('month', invoiced_at) AS month, count(DISTINCT customer_id) AS buyers
FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- retail-02 monthly active buyers [sqlite]
SELECT strftime('%Y-%m', invoiced_at) AS month, count(DISTINCT customer_id) AS buyers
FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- retail-03 recency frequency monetary
SELECT customer_id, max(invoiced_at) AS last_order, count(DISTINCT invoice) AS frequency,
       sum(quantity * unit_price) AS monetary
FROM shop.order_lines GROUP BY customer_id;

-- retail-04 customers above their country's average
WITH spent AS (SELECT customer_id, country, sum(quantity * unit_price) AS total FROM shop.order_lines GROUP BY customer_id, country)
SELECT s1.customer_id, s1.country, s1.total FROM spent s1
WHERE s1.total > (SELECT avg(s2.total) * 1.2 FROM spent s2 WHERE s1.country = s2.country);

-- retail-05 top five products
SELECT stock_code, sum(quantity) AS sold FROM shop.order_lines GROUP BY stock_code ORDER BY sold DESC, stock_code LIMIT 5;

-- retail-06 three best products of each country
SELECT country, stock_code, sold FROM (
  SELECT country, stock_code, sum(quantity) AS sold,
         row_number() OVER (PARTITION BY country ORDER BY sum(quantity) DESC, stock_code) AS place
  FROM shop.order_lines GROUP BY country, stock_code) ranked
WHERE place <= 3 ORDER BY country, place;

-- retail-07 share of each country
SELECT country, sum(quantity) AS sold, sum(quantity) * 100.0 / sum(sum(quantity)) OVER () AS share
FROM shop.order_lines GROUP BY country ORDER BY country;

-- retail-08 running total by day [postgresql duckdb]
SELECT day, sold, sum(sold) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
FROM (SELECT CAST(invoiced_at AS DATE) AS day, sum(quantity) AS sold FROM shop.order_lines GROUP BY 1) d ORDER BY day;

-- retail-08 running total by day [sqlite]
SELECT day, sold, sum(sold) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
FROM (SELECT date(invoiced_at) AS day, sum(quantity) AS sold FROM shop.order_lines GROUP BY 1) d ORDER BY day;

-- retail-09 moving average over seven days
SELECT category, n, avg(n) OVER (ORDER BY category ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS smooth
FROM (SELECT category, count(*) AS n FROM shop.events GROUP BY category) c ORDER BY category;

-- retail-10 month over month growth [postgresql duckdb]
WITH monthly AS (SELECT date_trunc('month', invoiced_at) AS month, sum(quantity) AS sold FROM shop.order_lines GROUP BY 1)
SELECT month, sold, sold - lag(sold) OVER (ORDER BY month) AS growth FROM monthly ORDER BY month;

-- retail-10 month over month growth [sqlite]
WITH monthly AS (SELECT strftime('%Y-%m', invoiced_at) AS month, sum(quantity) AS sold FROM shop.order_lines GROUP BY 1)
SELECT month, sold, sold - lag(sold) OVER (ORDER BY month) AS growth FROM monthly ORDER BY month;

-- retail-11 cohort retention [postgresql duckdb]
WITH first AS (SELECT customer_id, min(date_trunc('month', invoiced_at)) AS cohort FROM shop.order_lines GROUP BY customer_id),
     active AS (SELECT DISTINCT customer_id, date_trunc('month', invoiced_at) AS month FROM shop.order_lines)
SELECT f.cohort, a.month, count(*) AS customers FROM first f JOIN active a ON a.customer_id = f.customer_id
GROUP BY f.cohort, a.month ORDER BY f.cohort, a.month;

-- retail-11 cohort retention [sqlite]
WITH first AS (SELECT customer_id, min(strftime('%Y-%m', invoiced_at)) AS cohort FROM shop.order_lines GROUP BY customer_id),
     active AS (SELECT DISTINCT customer_id, strftime('%Y-%m', invoiced_at) AS month FROM shop.order_lines)
SELECT f.cohort, a.month, count(*) AS customers FROM first f JOIN active a ON a.customer_id = f.customer_id
GROUP BY f.cohort, a.month ORDER BY f.cohort, a.month;

-- retail-12 funnel from view to cart
SELECT count(DISTINCT CASE WHEN viewed > 0 THEN 1 END) AS any_view,
       sum(CASE WHEN viewed > 0 THEN 1 ELSE 0 END) AS viewers,
       sum(CASE WHEN viewed > 0 AND searched > 0 THEN 1 ELSE 0 END) AS searchers,
       sum(CASE WHEN viewed > 0 AND carted > 0 THEN 1 ELSE 0 END) AS carts
FROM (SELECT customer_id, sum(CASE WHEN event_type = 'view' THEN 1 ELSE 0 END) AS viewed,
             sum(CASE WHEN event_type = 'search' THEN 1 ELSE 0 END) AS searched,
             sum(CASE WHEN event_type = 'cart' THEN 1 ELSE 0 END) AS carted
      FROM shop.events GROUP BY customer_id) per;

-- retail-13 funnel by sequence of events
SELECT count(DISTINCT v.customer_id) AS viewed, count(DISTINCT c.customer_id) AS carted, count(DISTINCT o.customer_id) AS bought
FROM shop.events v
LEFT JOIN shop.events c ON c.customer_id = v.customer_id AND c.event_type = 'cart' AND c.occurred_at >= v.occurred_at
LEFT JOIN shop.order_lines o ON o.customer_id = c.customer_id
WHERE v.event_type = 'view';

-- retail-14 basket pairs
SELECT a.stock_code AS one, b.stock_code AS other, count(DISTINCT a.invoice) AS baskets
FROM shop.order_lines a JOIN shop.order_lines b ON a.invoice = b.invoice AND a.stock_code < b.stock_code
GROUP BY a.stock_code, b.stock_code HAVING count(*) >= 1 ORDER BY baskets DESC, one, other LIMIT 20;

-- retail-15 buyers who never wrote
SELECT count(DISTINCT o.customer_id) FROM shop.order_lines o
WHERE NOT EXISTS (SELECT 1 FROM shop.tickets t WHERE t.customer_id = o.customer_id);

-- retail-16 buyers and writers
SELECT customer_id FROM shop.order_lines INTERSECT SELECT customer_id FROM shop.tickets;

-- retail-17 viewers who did not buy
SELECT customer_id FROM shop.events WHERE event_type = 'view' EXCEPT SELECT customer_id FROM shop.order_lines WHERE quantity > 8;

-- retail-18 all contacts of a customer
SELECT customer_id, 'ticket' AS kind FROM shop.tickets UNION ALL SELECT customer_id, 'order' AS kind FROM shop.order_lines;

-- retail-19 channels by resolution
SELECT channel, count(*) AS tickets, sum(CASE WHEN resolved THEN 1 ELSE 0 END) AS done, avg(minutes) AS mean
FROM shop.tickets GROUP BY channel ORDER BY channel;

-- retail-20 tickets per rank
SELECT c.member_rank, count(t.ticket_id) AS tickets, count(DISTINCT c.customer_id) AS people
FROM shop.customers c LEFT JOIN shop.tickets t ON t.customer_id = c.customer_id GROUP BY c.member_rank ORDER BY c.member_rank;

-- retail-21 spending of each customer with rank
SELECT c.customer_id, c.member_rank, coalesce(sum(o.quantity * o.unit_price), 0) AS spent
FROM shop.customers c LEFT JOIN shop.order_lines o USING (customer_id) GROUP BY c.customer_id, c.member_rank;

-- retail-22 decades of birth by prefecture
SELECT prefecture, birth_date / 10 * 10 AS decade, count(*) AS people
FROM shop.customers GROUP BY prefecture, birth_date / 10 * 10 ORDER BY prefecture, decade;

-- retail-23 points in quartiles
SELECT quartile, min(points), max(points), count(*) FROM (SELECT points, ntile(4) OVER (ORDER BY points) AS quartile FROM shop.customers) q
GROUP BY quartile ORDER BY quartile;

-- retail-24 the longest ticket of each customer
SELECT customer_id, channel, minutes FROM (
  SELECT customer_id, channel, minutes, rank() OVER (PARTITION BY customer_id ORDER BY minutes DESC, opened_at) AS r FROM shop.tickets) x
WHERE r = 1;

-- retail-25 browsers by category
SELECT user_agent, category, count(*) AS n FROM shop.events GROUP BY user_agent, category HAVING count(*) > 1 ORDER BY n DESC, user_agent, category;

-- retail-26 referrers
SELECT referrer, count(*) AS visits, count(DISTINCT customer_id) AS people FROM shop.events GROUP BY referrer ORDER BY visits DESC, referrer;

-- retail-27 orders that came from an event
SELECT e.category, count(*) AS lines, sum(o.quantity) AS pieces
FROM shop.events e JOIN shop.order_lines o ON o.invoice = e.invoice GROUP BY e.category ORDER BY e.category;

-- retail-28 products with titles
SELECT p.title, sum(o.quantity) AS sold FROM shop.order_lines o JOIN shop.products p ON p.stock_code = o.stock_code
GROUP BY p.title ORDER BY sold DESC, p.title LIMIT 10;

-- retail-29 products nobody bought
SELECT p.stock_code, p.title FROM shop.products p LEFT JOIN shop.order_lines o ON o.stock_code = p.stock_code AND o.quantity > 10
WHERE o.stock_code IS NULL ORDER BY p.stock_code;

-- retail-30 the catalogue of products
SELECT stock_code, title FROM shop.products ORDER BY stock_code;

-- retail-31 new customers by year [postgresql duckdb]
SELECT extract(year FROM signed_up_on) AS year, count(*) AS people FROM shop.customers GROUP BY 1 ORDER BY 1;

-- retail-31 new customers by year [sqlite]
SELECT strftime('%Y', signed_up_on) AS year, count(*) AS people FROM shop.customers GROUP BY 1 ORDER BY 1;

-- retail-32 days between orders [postgresql duckdb]
SELECT customer_id, CAST(invoiced_at AS DATE) - lag(CAST(invoiced_at AS DATE)) OVER (PARTITION BY customer_id ORDER BY invoiced_at) AS days
FROM shop.order_lines;

-- retail-32 days between orders [sqlite]
SELECT customer_id, julianday(invoiced_at) - lag(julianday(invoiced_at)) OVER (PARTITION BY customer_id ORDER BY invoiced_at) AS days
FROM shop.order_lines;

-- retail-33 customers quiet for ninety days [postgresql]
SELECT customer_id, max(invoiced_at) AS last FROM shop.order_lines GROUP BY customer_id
HAVING max(invoiced_at) < TIMESTAMP '2011-11-30' - INTERVAL '90 days';

-- retail-33 customers quiet for ninety days [duckdb]
SELECT customer_id, max(invoiced_at) AS last FROM shop.order_lines GROUP BY customer_id
HAVING max(invoiced_at) < TIMESTAMP '2011-11-30' - INTERVAL 90 DAY;

-- retail-33 customers quiet for ninety days [sqlite]
SELECT customer_id, max(invoiced_at) AS last FROM shop.order_lines GROUP BY customer_id
HAVING max(invoiced_at) < datetime('2011-11-30', '-90 days');

-- retail-34 orders by hour [postgresql duckdb]
SELECT extract(hour FROM invoiced_at) AS hour, count(*) AS lines FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- retail-34 orders by hour [sqlite]
SELECT strftime('%H', invoiced_at) AS hour, count(*) AS lines FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- retail-35 gifts against the rest
SELECT CASE WHEN gift THEN 'gift' ELSE 'own' END AS kind, count(*) AS lines, avg(unit_price) AS price FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- retail-36 expensive lines
SELECT invoice, stock_code, quantity * unit_price AS value FROM shop.order_lines WHERE quantity * unit_price > 30 AND country = 'Japan';

-- retail-37 one customer's orders
SELECT invoice, invoiced_at, stock_code, quantity FROM shop.order_lines WHERE customer_id = '<p12>' ORDER BY invoiced_at, stock_code;

-- retail-38 a segment's orders
SELECT customer_id, sum(quantity) FROM shop.order_lines WHERE customer_id IN ('<p12>', '<p14>', '<p20>') GROUP BY customer_id;

-- retail-39 one invoice
SELECT stock_code, quantity, unit_price FROM shop.order_lines WHERE invoice = '<invoice:MK-00004>';

-- retail-40 customers with notes
SELECT customer_id, member_rank, note FROM shop.customers WHERE note IS NOT NULL AND points > 20;

-- retail-41 open tickets with their text
SELECT ticket_id, channel, body FROM shop.tickets WHERE NOT resolved ORDER BY opened_at, minutes;

-- retail-42 weighted price
SELECT stock_code, sum(quantity * unit_price) / nullif(sum(quantity), 0) AS price FROM shop.order_lines GROUP BY stock_code ORDER BY stock_code;

-- retail-43 spread of prices [postgresql duckdb]
SELECT country, stddev_samp(unit_price) AS spread, variance(unit_price) AS var FROM shop.order_lines GROUP BY country ORDER BY country;

-- retail-43 spread of prices [sqlite]
SELECT country, avg(unit_price * unit_price) - avg(unit_price) * avg(unit_price) AS var FROM shop.order_lines GROUP BY country ORDER BY country;

-- retail-44 web to order, both sides
SELECT coalesce(e.n, 0) AS events, coalesce(o.n, 0) AS lines, count(*) AS people
FROM (SELECT customer_id, count(*) AS n FROM shop.events GROUP BY customer_id) e
FULL OUTER JOIN (SELECT customer_id, count(*) AS n FROM shop.order_lines GROUP BY customer_id) o ON o.customer_id = e.customer_id
GROUP BY coalesce(e.n, 0), coalesce(o.n, 0) ORDER BY 1, 2;

-- retail-44 web to order, both sides [sqlite]
SELECT coalesce(e.n, 0) AS events, coalesce(o.n, 0) AS lines, count(*) AS people
FROM (SELECT customer_id, count(*) AS n FROM shop.events GROUP BY customer_id) e
LEFT JOIN (SELECT customer_id, count(*) AS n FROM shop.order_lines GROUP BY customer_id) o ON o.customer_id = e.customer_id
GROUP BY coalesce(e.n, 0), coalesce(o.n, 0) ORDER BY 1, 2;

-- retail-45 ranks of spending, quoted
SELECT "customer_id", RANK() OVER (ORDER BY SUM("quantity") DESC) AS "Rank" FROM "shop"."order_lines" GROUP BY "customer_id";

-- retail-46 best customer of each country
WITH spent AS (SELECT country, customer_id, sum(quantity) AS pieces FROM shop.order_lines GROUP BY country, customer_id),
     best AS (SELECT country, max(pieces) AS most FROM spent GROUP BY country)
SELECT s.country, s.customer_id, s.pieces FROM spent s JOIN best b ON b.country = s.country AND b.most = s.pieces;

-- retail-47 first order of each customer
SELECT o.customer_id, o.invoice, o.stock_code FROM shop.order_lines o
JOIN (SELECT customer_id, min(invoiced_at) AS at FROM shop.order_lines GROUP BY customer_id) f
  ON f.customer_id = o.customer_id AND f.at = o.invoiced_at;

-- retail-48 repeat buyers
SELECT count(*) AS repeaters FROM (SELECT customer_id FROM shop.order_lines GROUP BY customer_id HAVING count(DISTINCT invoice) > 1) r;

-- retail-49 rollup by country and product
SELECT country, stock_code, sum(quantity) AS sold FROM shop.order_lines WHERE stock_code < 'S003'
GROUP BY ROLLUP (country, stock_code) ORDER BY country, stock_code, sold;

-- retail-49 rollup by country and product [sqlite]
SELECT country, stock_code, sum(quantity) AS sold FROM shop.order_lines WHERE stock_code < 'S003' GROUP BY country, stock_code
UNION ALL SELECT country, NULL, sum(quantity) FROM shop.order_lines WHERE stock_code < 'S003' GROUP BY country;

-- retail-50 cube of rank and prefecture [postgresql duckdb]
SELECT member_rank, prefecture, count(*) AS people, avg(points) AS mean FROM shop.customers GROUP BY CUBE (member_rank, prefecture);

-- retail-51 grouping sets [postgresql duckdb]
SELECT event_type, category, count(*) AS n, grouping(event_type) AS g FROM shop.events
GROUP BY GROUPING SETS ((event_type, category), (event_type), ());

-- retail-52 date spine by recursion [postgresql]
WITH RECURSIVE days(d) AS (SELECT DATE '2011-01-01' UNION ALL SELECT CAST(d + INTERVAL '1 day' AS DATE) FROM days WHERE d < DATE '2011-01-31')
SELECT days.d, count(o.invoice) AS lines FROM days LEFT JOIN shop.order_lines o ON CAST(o.invoiced_at AS DATE) = days.d
GROUP BY days.d ORDER BY days.d;

-- retail-52 date spine by recursion [duckdb]
WITH RECURSIVE days(d) AS (SELECT DATE '2011-01-01' UNION ALL SELECT d + 1 FROM days WHERE d < DATE '2011-01-31')
SELECT days.d, count(o.invoice) AS lines FROM days LEFT JOIN shop.order_lines o ON CAST(o.invoiced_at AS DATE) = days.d
GROUP BY days.d ORDER BY days.d;

-- retail-52 date spine by recursion [sqlite]
WITH RECURSIVE days(d) AS (SELECT '2011-01-01' UNION ALL SELECT date(d, '+1 day') FROM days WHERE d < '2011-01-31')
SELECT days.d, count(o.invoice) AS lines FROM days LEFT JOIN shop.order_lines o ON date(o.invoiced_at) = days.d
GROUP BY days.d ORDER BY days.d;

-- retail-53 date spine by series [postgresql]
SELECT g.d, count(o.invoice) AS lines
FROM generate_series(TIMESTAMP '2011-01-01', TIMESTAMP '2011-01-31', INTERVAL '1 day') AS g(d)
LEFT JOIN shop.order_lines o ON date_trunc('day', o.invoiced_at) = g.d GROUP BY g.d ORDER BY g.d;

-- retail-53 date spine by series [duckdb]
SELECT g.d, count(o.invoice) AS lines
FROM generate_series(TIMESTAMP '2011-01-01', TIMESTAMP '2011-01-31', INTERVAL 1 DAY) AS g(d)
LEFT JOIN shop.order_lines o ON date_trunc('day', o.invoiced_at) = g.d GROUP BY g.d ORDER BY g.d;

-- retail-54 last three tickets by lateral [postgresql duckdb]
SELECT c.customer_id, t.channel, t.minutes FROM shop.customers c
CROSS JOIN LATERAL (SELECT x.channel, x.minutes FROM shop.tickets x WHERE x.customer_id = c.customer_id
                    ORDER BY x.opened_at DESC, x.minutes LIMIT 3) t;

-- retail-55 latest event of each customer by distinct on [postgresql duckdb]
SELECT DISTINCT ON (customer_id) customer_id, event_type, occurred_at FROM shop.events
ORDER BY customer_id, occurred_at DESC, event_type;

-- retail-56 latest event of each customer by qualify [duckdb]
SELECT customer_id, event_type, occurred_at FROM shop.events
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY occurred_at DESC, event_type) = 1;

-- retail-57 natural join
SELECT c.member_rank, count(*) AS n FROM shop.customers c NATURAL JOIN shop.tickets t GROUP BY c.member_rank ORDER BY 1;

-- retail-58 three tables by using
SELECT member_rank, category, sum(quantity) AS sold
FROM shop.customers JOIN shop.order_lines USING (customer_id) JOIN shop.events USING (customer_id)
GROUP BY member_rank, category ORDER BY 1, 2;

-- retail-59 scalar subqueries in the select list
SELECT c.customer_id, (SELECT count(*) FROM shop.tickets t WHERE t.customer_id = c.customer_id) AS tickets,
       (SELECT max(o.quantity) FROM shop.order_lines o WHERE o.customer_id = c.customer_id) AS biggest
FROM shop.customers c;

-- retail-60 compared with all
SELECT stock_code, unit_price FROM shop.order_lines o
WHERE unit_price >= (SELECT max(unit_price) FROM shop.order_lines i WHERE i.country = o.country);

-- retail-61 values as a mapping
SELECT v.label, count(*) AS lines FROM shop.order_lines o
JOIN (VALUES ('Japan', 'home'), ('France', 'abroad'), ('Norway', 'abroad')) AS v(country, label) ON v.country = o.country
GROUP BY v.label ORDER BY v.label;

-- retail-61 values as a mapping [sqlite]
WITH v(country, label) AS (SELECT 'Japan', 'home' UNION ALL SELECT 'France', 'abroad' UNION ALL SELECT 'Norway', 'abroad')
SELECT v.label, count(*) AS lines FROM shop.order_lines o JOIN v ON v.country = o.country GROUP BY v.label ORDER BY v.label;

-- retail-62 a histogram of quantities
SELECT quantity / 4 AS bucket, count(*) AS lines FROM shop.order_lines GROUP BY quantity / 4 ORDER BY bucket;

-- retail-62 a histogram of quantities [duckdb]
SELECT floor(quantity / 4) AS bucket, count(*) AS lines FROM shop.order_lines GROUP BY ALL ORDER BY bucket;

-- retail-63 products in a list [postgresql duckdb]
SELECT country, string_agg(DISTINCT stock_code, ',' ORDER BY stock_code) AS products FROM shop.order_lines GROUP BY country ORDER BY country;

-- retail-64 the mode of the channel [postgresql duckdb]
SELECT member_rank, percentile_disc(0.5) WITHIN GROUP (ORDER BY points) AS middle FROM shop.customers GROUP BY member_rank ORDER BY 1;

-- retail-65 sessions by a gap [postgresql]
SELECT cookie, count(*) AS sessions FROM (
  SELECT category AS cookie, CASE WHEN occurred_at - lag(occurred_at) OVER (PARTITION BY category ORDER BY occurred_at) > INTERVAL '30 minutes' THEN 1 ELSE 0 END AS opens
  FROM shop.events) s WHERE opens = 1 GROUP BY cookie ORDER BY cookie;

-- retail-65 sessions by a gap [duckdb]
SELECT cookie, count(*) AS sessions FROM (
  SELECT category AS cookie, CASE WHEN occurred_at - lag(occurred_at) OVER (PARTITION BY category ORDER BY occurred_at) > INTERVAL 30 MINUTE THEN 1 ELSE 0 END AS opens
  FROM shop.events) s WHERE opens = 1 GROUP BY cookie ORDER BY cookie;

-- retail-65 sessions by a gap [sqlite]
SELECT cookie, count(*) AS sessions FROM (
  SELECT category AS cookie, CASE WHEN (julianday(occurred_at) - julianday(lag(occurred_at) OVER (PARTITION BY category ORDER BY occurred_at))) * 1440 > 30 THEN 1 ELSE 0 END AS opens
  FROM shop.events) s WHERE opens = 1 GROUP BY cookie ORDER BY cookie;
