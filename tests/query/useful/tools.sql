-- tableau-01 metadata probe
SELECT * FROM (SELECT * FROM shop.order_lines) t LIMIT 0;

-- tableau-02 custom query probe with top
SELECT * FROM (SELECT customer_id, country, quantity FROM shop.order_lines WHERE quantity > 2) "Custom SQL Query" LIMIT 0;

-- tableau-03 sum by dimension
SELECT "order_lines"."country" AS "country", SUM("order_lines"."quantity") AS "sum:quantity:ok"
FROM "shop"."order_lines" "order_lines" GROUP BY 1;

-- tableau-04 sum by dimension, plain names
SELECT "order_lines"."country" AS "country", SUM("order_lines"."quantity") AS "sum_quantity_ok"
FROM "shop"."order_lines" "order_lines" GROUP BY "order_lines"."country";

-- tableau-05 having one
SELECT SUM("t0"."quantity") AS "sum_q", COUNT(1) AS "n" FROM "shop"."order_lines" "t0" HAVING (COUNT(1) > 0);

-- tableau-06 distinct values of a filter
SELECT "customers"."prefecture" AS "prefecture" FROM "shop"."customers" "customers" GROUP BY 1 ORDER BY 1 ASC NULLS FIRST;

-- tableau-07 truncated month [postgresql duckdb]
SELECT DATE_TRUNC('MONTH', CAST("order_lines"."invoiced_at" AS DATE)) AS "tmn_invoiced_at_ok", COUNT(DISTINCT "order_lines"."invoice") AS "ctd_invoice_ok"
FROM "shop"."order_lines" "order_lines" GROUP BY 1;

-- tableau-08 bins
SELECT FLOOR("order_lines"."quantity" / 5.0) AS "bin", SUM(1) AS "n" FROM "shop"."order_lines" "order_lines" GROUP BY 1 ORDER BY 1;

-- tableau-09 level of detail
SELECT AVG("t0"."x") AS "avg_x" FROM (SELECT "order_lines"."customer_id" AS "c", SUM("order_lines"."quantity") AS "x" FROM "shop"."order_lines" "order_lines" GROUP BY 1) "t0" HAVING (COUNT(1) > 0);

-- tableau-10 top by a joined subquery
SELECT "o"."stock_code" AS "stock_code", SUM("o"."quantity") AS "q" FROM "shop"."order_lines" "o"
INNER JOIN (SELECT "stock_code" AS "s", SUM("quantity") AS "alias" FROM "shop"."order_lines" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5) "t0" ON ("o"."stock_code" = "t0"."s")
GROUP BY 1;

-- tableau-11 in or null
SELECT "e"."category" AS "category", COUNT(1) AS "n" FROM "shop"."events" "e" WHERE (("e"."category" IN ('tea', 'cups')) OR ("e"."category" IS NULL)) GROUP BY 1;

-- tableau-12 conditional sum
SELECT SUM((CASE WHEN ("o"."country" = 'Japan') THEN "o"."quantity" ELSE NULL END)) AS "japan",
       SUM((CASE WHEN NOT ("o"."country" = 'Japan') THEN "o"."quantity" ELSE 0 END)) AS "rest" FROM "shop"."order_lines" "o";

-- tableau-13 weekday [postgresql]
SELECT (1 + CAST(EXTRACT(DOW FROM "o"."invoiced_at") AS INTEGER)) AS "wd", COUNT(1) AS "n" FROM "shop"."order_lines" "o" GROUP BY 1;

-- tableau-13 weekday [duckdb]
SELECT (1 + CAST(EXTRACT(DOW FROM "o"."invoiced_at") AS INTEGER)) AS "wd", COUNT(1) AS "n" FROM "shop"."order_lines" "o" GROUP BY 1;

-- tableau-14 date range [postgresql duckdb]
SELECT COUNT(1) AS "n" FROM "shop"."order_lines" "o"
WHERE (("o"."invoiced_at" >= (TIMESTAMP '2011-02-01 00:00:00.000')) AND ("o"."invoiced_at" <= (TIMESTAMP '2011-05-01 00:00:00.000')));

-- tableau-15 left join of two tables
SELECT "c"."member_rank" AS "member_rank", COUNT("t"."minutes") AS "n", MIN("t"."opened_at") AS "first"
FROM "shop"."customers" "c" LEFT JOIN "shop"."tickets" "t" ON ("c"."customer_id" = "t"."customer_id") GROUP BY 1 ORDER BY 1;

-- metabase-01 table preview, names in three parts
SELECT "shop"."customers"."customer_id" AS "customer_id", "shop"."customers"."prefecture" AS "prefecture", "shop"."customers"."points" AS "points"
FROM "shop"."customers" ORDER BY "shop"."customers"."points" ASC, "shop"."customers"."signed_up_on" ASC LIMIT 2000;

-- metabase-00 table preview, plain
SELECT "customers"."customer_id" AS "customer_id", "customers"."prefecture" AS "prefecture", "customers"."points" AS "points"
FROM "shop"."customers" ORDER BY "customers"."points" ASC LIMIT 2000;

-- metabase-02 count
SELECT COUNT(*) AS "count" FROM "shop"."order_lines";

-- metabase-03 count by month [postgresql duckdb]
SELECT DATE_TRUNC('month', "source"."invoiced_at") AS "invoiced_at", COUNT(*) AS "count"
FROM (SELECT "o"."invoiced_at" AS "invoiced_at" FROM "shop"."order_lines" AS "o" WHERE "o"."quantity" > 2) AS "source"
GROUP BY DATE_TRUNC('month', "source"."invoiced_at") ORDER BY DATE_TRUNC('month', "source"."invoiced_at") ASC;

-- metabase-03 count by month [sqlite]
SELECT DATE("o"."invoiced_at", 'start of month') AS "invoiced_at", COUNT(*) AS "count" FROM "shop"."order_lines" AS "o"
GROUP BY DATE("o"."invoiced_at", 'start of month') ORDER BY DATE("o"."invoiced_at", 'start of month') ASC;

-- metabase-04 binned numbers [postgresql duckdb]
SELECT FLOOR(("o"."unit_price" / 2.5)) * 2.5 AS "unit_price", COUNT(*) AS "count" FROM "shop"."order_lines" AS "o"
GROUP BY FLOOR(("o"."unit_price" / 2.5)) * 2.5 ORDER BY FLOOR(("o"."unit_price" / 2.5)) * 2.5 ASC;

-- metabase-04 binned numbers [sqlite]
SELECT CAST("o"."unit_price" / 2.5 AS INTEGER) * 2.5 AS "unit_price", COUNT(*) AS "count" FROM "shop"."order_lines" AS "o"
GROUP BY CAST("o"."unit_price" / 2.5 AS INTEGER) * 2.5 ORDER BY 1 ASC;

-- metabase-05 search in a filter
SELECT "o"."stock_code" AS "stock_code" FROM "shop"."order_lines" AS "o" WHERE (LOWER("o"."description") LIKE '%thing 1%') GROUP BY "o"."stock_code" ORDER BY "o"."stock_code" ASC LIMIT 1000;

-- metabase-06 nested question with a join
SELECT "source"."country" AS "country", "source"."sum" AS "sum", "Products"."n" AS "n" FROM
 (SELECT "o"."country" AS "country", SUM("o"."quantity") AS "sum" FROM "shop"."order_lines" AS "o" GROUP BY "o"."country") AS "source"
 LEFT JOIN (SELECT "p"."country" AS "country", COUNT(DISTINCT "p"."stock_code") AS "n" FROM "shop"."order_lines" AS "p" GROUP BY "p"."country") AS "Products"
 ON "source"."country" = "Products"."country";

-- metabase-07 cumulative count
SELECT "source"."category" AS "category", SUM("source"."n") OVER (ORDER BY "source"."category" ASC ROWS UNBOUNDED PRECEDING) AS "sum"
FROM (SELECT "e"."category" AS "category", COUNT(*) AS "n" FROM "shop"."events" AS "e" GROUP BY "e"."category") AS "source" ORDER BY "source"."category" ASC;

-- metabase-08 share
SELECT CAST(SUM(CASE WHEN "t"."resolved" THEN 1 ELSE 0.0 END) AS DOUBLE PRECISION) / NULLIF(COUNT(*), 0) AS "share" FROM "shop"."tickets" AS "t";

-- metabase-08 share [sqlite]
SELECT CAST(SUM(CASE WHEN "t"."resolved" THEN 1 ELSE 0.0 END) AS REAL) / NULLIF(COUNT(*), 0) AS "share" FROM "shop"."tickets" AS "t";

-- metabase-09 not equal or null
SELECT COUNT(*) AS "count" FROM "shop"."events" AS "e" WHERE (("e"."category" <> 'tea') OR ("e"."category" IS NULL));

-- metabase-10 coalesced category
SELECT COALESCE("e"."category", 'none') AS "category", COUNT(*) AS "count" FROM "shop"."events" AS "e" GROUP BY COALESCE("e"."category", 'none') ORDER BY "count" DESC, "category" ASC;

-- metabase-11 median [postgresql]
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "o"."quantity") AS "median", PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY "o"."quantity") AS "p90" FROM "shop"."order_lines" AS "o";

-- metabase-11 median [duckdb]
SELECT MEDIAN("o"."quantity") AS "median", QUANTILE_CONT("o"."quantity", 0.9) AS "p90" FROM "shop"."order_lines" AS "o";

-- metabase-12 between dates [postgresql duckdb]
SELECT COUNT(*) AS "count" FROM "shop"."events" AS "e" WHERE "e"."occurred_at" >= CAST('2025-03-05' AS DATE) AND "e"."occurred_at" < CAST('2025-03-20' AS DATE);

-- metabase-13 page two
SELECT "o"."stock_code", "o"."invoiced_at" FROM "shop"."order_lines" AS "o" ORDER BY "o"."invoiced_at", "o"."stock_code" LIMIT 10 OFFSET 10;

-- looker-01 explore
SELECT order_lines.country AS "country", COUNT(DISTINCT order_lines.invoice) AS "invoices", COALESCE(SUM(order_lines.quantity), 0) AS "pieces"
FROM shop.order_lines AS order_lines GROUP BY 1 ORDER BY 2 DESC, 1 FETCH NEXT 500 ROWS ONLY;

-- looker-01 explore [duckdb sqlite]
SELECT order_lines.country AS "country", COUNT(DISTINCT order_lines.invoice) AS "invoices", COALESCE(SUM(order_lines.quantity), 0) AS "pieces"
FROM shop.order_lines AS order_lines GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 500;

-- looker-02 explore with joins
SELECT customers.member_rank AS "rank", COUNT(DISTINCT customers.customer_id) AS "people", COUNT(*) AS "lines"
FROM shop.order_lines AS order_lines LEFT JOIN shop.customers AS customers ON order_lines.customer_id = customers.customer_id
WHERE (order_lines.country = 'Japan' OR order_lines.country = 'France') GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 3 DESC, 1 LIMIT 500;

-- looker-03 derived table
WITH facts AS (SELECT customer_id, COUNT(DISTINCT invoice) AS orders, SUM(quantity) AS pieces FROM shop.order_lines GROUP BY 1)
SELECT CASE WHEN facts.orders = 1 THEN '1' WHEN facts.orders BETWEEN 2 AND 3 THEN '2-3' ELSE '4+' END AS "tier", COUNT(*) AS "people", AVG(facts.pieces) AS "pieces"
FROM facts GROUP BY 1 ORDER BY 1 LIMIT 500;

-- looker-04 yes and no
SELECT CASE WHEN order_lines.gift THEN 'Yes' ELSE 'No' END AS "gift", COUNT(*) AS "n" FROM shop.order_lines AS order_lines GROUP BY 1 ORDER BY 1;

-- looker-05 pivot by case
SELECT country, MAX(CASE WHEN gift THEN quantity END) AS with_gift, MAX(CASE WHEN NOT gift THEN quantity END) AS without FROM shop.order_lines GROUP BY country ORDER BY country;

-- looker-06 totals only
SELECT COALESCE(SUM(CASE WHEN (events.event_type = 'cart') THEN 1 ELSE NULL END), 0) AS "carts", COUNT(*) AS "events" FROM shop.events AS events LIMIT 1;

-- looker-07 time zone [postgresql]
SELECT DATE(occurred_at AT TIME ZONE 'UTC' AT TIME ZONE 'Asia/Tokyo') AS day, COUNT(*) FROM shop.events GROUP BY 1 ORDER BY 1;

-- looker-08 week [postgresql duckdb]
SELECT CAST(DATE_TRUNC('week', order_lines.invoiced_at) AS DATE) AS week, COUNT(DISTINCT order_lines.customer_id) AS people FROM shop.order_lines GROUP BY 1 ORDER BY 1 DESC;

-- looker-09 formatted month [postgresql]
SELECT TO_CHAR(DATE_TRUNC('month', order_lines.invoiced_at), 'YYYY-MM') AS month, COUNT(*) FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- looker-09 formatted month [duckdb]
SELECT STRFTIME(order_lines.invoiced_at, '%Y-%m') AS month, COUNT(*) FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- looker-09 formatted month [sqlite]
SELECT STRFTIME('%Y-%m', order_lines.invoiced_at) AS month, COUNT(*) FROM shop.order_lines GROUP BY 1 ORDER BY 1;

-- powerbi-01 nested source
select "_"."country", sum("_"."quantity") as "a0" from (select "country", "quantity" from "shop"."order_lines" "$Table") "_" group by "_"."country";

-- powerbi-02 nested source, plain alias
select "rows"."country" as "country", sum("rows"."quantity") as "quantity" from (select "t"."country", "t"."quantity" from "shop"."order_lines" "t") "rows" group by "country";

-- powerbi-03 first rows
select "t"."stock_code" as "stock_code", "t"."quantity" as "quantity" from "shop"."order_lines" "t" where 1 = 1 order by "t"."invoiced_at", "t"."stock_code" limit 1000;

-- powerbi-04 distinct count with a blank
SELECT COUNT(DISTINCT "t"."customer_id") + MAX(CASE WHEN "t"."customer_id" IS NULL THEN 1 ELSE 0 END) AS "a0" FROM "shop"."order_lines" "t";

-- powerbi-05 semi join of a filter
select "t0"."country", sum("t0"."quantity") as "q" from "shop"."order_lines" "t0" inner join (select distinct "stock_code" as "c1" from "shop"."order_lines" where "unit_price" > 3) "t1" on ("t0"."stock_code" = "t1"."c1" or "t0"."stock_code" is null and "t1"."c1" is null) group by "t0"."country";

-- powerbi-06 min and max of a slicer
select min("t"."invoiced_at") as "low", max("t"."invoiced_at") as "high" from "shop"."order_lines" "t";

-- powerbi-07 top n with ties broken
select "country", "q" from (select "country", "q", row_number() over (order by "q" desc, "country") as "n" from (select "country", sum("quantity") as "q" from "shop"."order_lines" group by "country") "a") "b" where "n" <= 2 order by "q" desc, "country";

-- powerbi-08 union of measures
SELECT 'lines' AS measure, COUNT(*) AS value FROM shop.order_lines UNION ALL SELECT 'events', COUNT(*) FROM shop.events UNION ALL SELECT 'people', COUNT(DISTINCT customer_id) FROM shop.customers;

-- superset-01 explore
SELECT country AS country, SUM(quantity) AS "SUM(quantity)" FROM shop.order_lines WHERE unit_price > 1.5 GROUP BY country ORDER BY "SUM(quantity)" DESC LIMIT 10000;

-- superset-02 explore with a plain label
SELECT country AS country, SUM(quantity) AS sum_quantity FROM shop.order_lines WHERE unit_price > 1.5 GROUP BY country ORDER BY sum_quantity DESC LIMIT 10000;

-- superset-03 virtual dataset
SELECT category AS category, COUNT(*) AS count FROM (SELECT category, event_type FROM shop.events WHERE event_type IN ('view', 'cart')) AS virtual_table GROUP BY category ORDER BY count DESC, category LIMIT 1000;

-- superset-04 time grain [postgresql duckdb]
SELECT DATE_TRUNC('day', occurred_at) AS __timestamp, COUNT(*) AS count FROM shop.events GROUP BY DATE_TRUNC('day', occurred_at) ORDER BY count DESC LIMIT 1000;

-- superset-05 time grain, plain label [postgresql duckdb]
SELECT DATE_TRUNC('day', occurred_at) AS ts, COUNT(*) AS count FROM shop.events
WHERE occurred_at >= CAST('2025-03-01 00:00:00.000000' AS TIMESTAMP) AND occurred_at < CAST('2025-04-01 00:00:00.000000' AS TIMESTAMP)
GROUP BY DATE_TRUNC('day', occurred_at) ORDER BY ts LIMIT 1000;

-- superset-06 series limit
SELECT o.country AS country, o.stock_code AS stock_code, SUM(o.quantity) AS q FROM shop.order_lines o
JOIN (SELECT country AS country__, SUM(quantity) AS mme_inner__ FROM shop.order_lines GROUP BY country ORDER BY mme_inner__ DESC LIMIT 2) AS anon_1 ON o.country = anon_1.country__
GROUP BY o.country, o.stock_code ORDER BY q DESC, country, stock_code LIMIT 100;

-- superset-07 filter values
SELECT DISTINCT event_type AS event_type FROM shop.events ORDER BY event_type LIMIT 10000;

-- superset-08 samples
SELECT customer_id AS customer_id, member_rank AS member_rank, prefecture AS prefecture FROM shop.customers WHERE (points > 10) AND (member_rank IN ('gold', 'silver'));

-- superset-09 percentiles [postgresql]
SELECT member_rank, percentile_cont(0.25) WITHIN GROUP (ORDER BY points) AS p25, percentile_cont(0.75) WITHIN GROUP (ORDER BY points) AS p75 FROM shop.customers GROUP BY member_rank;

-- superset-09 percentiles [duckdb]
SELECT member_rank, quantile_cont(points, 0.25) AS p25, quantile_cont(points, 0.75) AS p75 FROM shop.customers GROUP BY member_rank;

-- superset-10 is not distinct from [postgresql duckdb]
SELECT count(*) FROM shop.events WHERE category IS NOT DISTINCT FROM 'tea' OR category IS DISTINCT FROM 'cups';

-- superset-10 is not distinct from [sqlite]
SELECT count(*) FROM shop.events WHERE category IS 'tea' OR category IS NOT 'cups';

-- dbt-01 source then renamed then final
with source as (select * from shop.order_lines), renamed as (select invoice as order_id, customer_id, quantity * unit_price as amount, invoiced_at as ordered_at from source)
select * from renamed;

-- dbt-02 test not null
select count(*) as failures, count(*) <> 0 as should_warn, count(*) <> 0 as should_error from (select stock_code from shop.order_lines where stock_code is null) dbt_internal_test;

-- dbt-03 test unique
select count(*) as failures from (select customer_id as unique_field, count(*) as n_records from shop.customers where customer_id is not null group by customer_id having count(*) > 1) dbt_internal_test;

-- dbt-04 test relationships
with child as (select customer_id as from_field from shop.order_lines where customer_id is not null), parent as (select customer_id as to_field from shop.customers)
select count(*) as failures from (select from_field from child left join parent on child.from_field = parent.to_field where parent.to_field is null) dbt_internal_test;

-- dbt-05 test accepted values
with all_values as (select event_type as value_field, count(*) as n_records from shop.events group by event_type)
select * from all_values where value_field not in ('view', 'search');

-- dbt-06 customers model
with customers as (select customer_id, member_rank from shop.customers),
 orders as (select customer_id, invoice, invoiced_at from shop.order_lines),
 customer_orders as (select customer_id, min(invoiced_at) as first_order, max(invoiced_at) as most_recent_order, count(distinct invoice) as number_of_orders from orders group by 1),
 final as (select customers.customer_id, customers.member_rank, customer_orders.first_order, customer_orders.most_recent_order, coalesce(customer_orders.number_of_orders, 0) as number_of_orders
           from customers left join customer_orders using (customer_id))
select * from final;

-- dbt-07 deduplicate
with ranked as (select customer_id, category, occurred_at, row_number() over (partition by customer_id, category order by occurred_at desc) as row_num from shop.events)
select customer_id, category, occurred_at from ranked where row_num = 1;

-- dbt-08 payments pivot
select customer_id, sum(case when country = 'Japan' then quantity else 0 end) as japan_amount, sum(case when country = 'France' then quantity else 0 end) as france_amount, sum(quantity) as amount
from shop.order_lines group by 1;

-- dbt-09 union of relations
select customer_id, 'web' as source, count(*) as n from shop.events group by 1, 2 union all select customer_id, 'desk' as source, count(*) as n from shop.tickets group by 1, 2;

-- dbt-10 limit in development
select * from (select stock_code, quantity, invoiced_at from shop.order_lines where 1 = 1 and quantity >= 1) as _dbt_limit_subq order by invoiced_at, stock_code limit 500;

-- dbt-11 date comparisons [postgresql duckdb]
select cast(invoiced_at as date) as day, count(*) as n from shop.order_lines where cast(invoiced_at as date) >= cast('2011-03-01' as date) group by 1 order by 1;

-- dbt-12 safe division
select country, case when sum(quantity) = 0 then null else sum(quantity * unit_price) / sum(quantity) end as price from shop.order_lines group by country;

-- dbt-13 hash free surrogate
select coalesce(cast(stock_code as text), '') || '-' || coalesce(cast(country as text), '') as key, count(*) as n from shop.order_lines group by 1;

-- sql-01 filter clause
SELECT count(*) FILTER (WHERE gift) AS gifts, sum(quantity) FILTER (WHERE country = 'Japan') AS japan FROM shop.order_lines;

-- sql-02 first and last values
SELECT DISTINCT member_rank, first_value(points) OVER (PARTITION BY member_rank ORDER BY points DESC, signed_up_on) AS most FROM shop.customers;

-- sql-03 nth value [postgresql duckdb]
SELECT country, stock_code, nth_value(quantity, 2) OVER (PARTITION BY country ORDER BY quantity DESC, stock_code, invoiced_at) AS second FROM shop.order_lines;

-- sql-04 named window
SELECT stock_code, sum(quantity) OVER w AS running, rank() OVER w AS place FROM shop.order_lines WINDOW w AS (PARTITION BY country ORDER BY invoiced_at, stock_code);

-- sql-05 cumulative distribution
SELECT points, cume_dist() OVER (ORDER BY points) AS d, percent_rank() OVER (ORDER BY points) AS p FROM shop.customers;

-- sql-06 lead and lag
SELECT opened_at, minutes, lead(minutes) OVER (ORDER BY opened_at, minutes) AS next, lag(minutes, 2, 0) OVER (ORDER BY opened_at, minutes) AS before FROM shop.tickets;

-- sql-07 like and not like
SELECT count(*) FROM shop.order_lines WHERE description LIKE 'thing 1%' AND country NOT LIKE '%way';

-- sql-08 nested case
SELECT CASE member_rank WHEN 'gold' THEN CASE WHEN points > 50 THEN 'top' ELSE 'gold' END ELSE 'rest' END AS tier, count(*) FROM shop.customers GROUP BY 1;

-- sql-09 arithmetic
SELECT quantity, quantity + 1, quantity - 1, quantity * 2, -quantity, quantity % 3, (quantity + 2) * 3 FROM shop.order_lines;

-- sql-10 rounding
SELECT round(avg(unit_price), 2) AS a, abs(min(quantity) - 5) AS b, ceil(avg(unit_price)) AS c, floor(avg(unit_price)) AS d FROM shop.order_lines;

-- sql-11 text functions
SELECT upper(country), lower(stock_code), length(description), trim(country), replace(country, 'a', 'o'), substr(stock_code, 2, 2) FROM shop.order_lines;

-- sql-12 text functions of the standard [postgresql duckdb]
SELECT substring(stock_code FROM 2 FOR 2), position('0' IN stock_code), trim(BOTH 'S' FROM stock_code), left(country, 2), right(country, 2), lpad(stock_code, 6, '0'), reverse(country) FROM shop.order_lines;

-- sql-13 extract parts [postgresql duckdb]
SELECT extract(year FROM invoiced_at) AS y, extract(quarter FROM invoiced_at) AS q, extract(week FROM invoiced_at) AS w, extract(day FROM invoiced_at) AS d, date_part('month', invoiced_at) AS m FROM shop.order_lines;

-- sql-14 in a list of pairs by join
SELECT o.stock_code, o.country FROM shop.order_lines o JOIN (SELECT 'S001' AS stock_code, 'Japan' AS country UNION ALL SELECT 'S002', 'France') p ON p.stock_code = o.stock_code AND p.country = o.country;

-- sql-15 row comparison
SELECT stock_code, country FROM shop.order_lines WHERE (stock_code, country) IN (('S001', 'Japan'), ('S002', 'France'));

-- sql-16 between and in
SELECT points FROM shop.customers WHERE points BETWEEN 10 AND 60 AND member_rank IN ('gold', 'silver') AND prefecture NOT IN ('大阪府');

-- sql-17 any and all [postgresql duckdb]
SELECT stock_code FROM shop.order_lines WHERE quantity >= ALL (SELECT quantity FROM shop.order_lines WHERE country = 'Japan');

-- sql-18 exists and in combined
SELECT count(*) FROM shop.customers c WHERE c.customer_id IN (SELECT customer_id FROM shop.order_lines) AND EXISTS (SELECT 1 FROM shop.events e WHERE e.customer_id = c.customer_id AND e.event_type = 'cart');

-- sql-19 self join of neighbours
SELECT a.opened_at, b.opened_at FROM shop.tickets a JOIN shop.tickets b ON b.customer_id = a.customer_id AND b.opened_at >= a.opened_at AND a.channel = b.channel;

-- sql-20 cross join with one row
SELECT o.country, sum(o.quantity) * 1.0 / max(t.total) AS share FROM shop.order_lines o CROSS JOIN (SELECT sum(quantity) AS total FROM shop.order_lines) t GROUP BY o.country;

-- sql-21 right join
SELECT t.channel, c.member_rank FROM shop.tickets t RIGHT JOIN shop.customers c ON c.customer_id = t.customer_id AND t.minutes > 5;

-- sql-22 with inside a subquery
SELECT x.n FROM (WITH a AS (SELECT country, count(*) AS n FROM shop.order_lines GROUP BY country) SELECT n FROM a) x ORDER BY x.n;

-- sql-23 with that shadows
WITH customers AS (SELECT member_rank, points FROM shop.customers WHERE points > 20) SELECT member_rank, sum(points) FROM customers GROUP BY member_rank;

-- sql-24 union distinct ordered
SELECT country AS place FROM shop.order_lines UNION SELECT prefecture FROM shop.customers ORDER BY place;

-- sql-25 order by expression and nulls last
SELECT category, query_text IS NULL AS blank, count(*) AS n FROM shop.events GROUP BY category, query_text IS NULL ORDER BY category DESC NULLS LAST, n;

-- sql-26 whole row by alias
SELECT c.* FROM shop.customers c WHERE c.points > 100;

-- sql-27 star of a join
SELECT o.*, p.title FROM shop.order_lines o JOIN shop.products p ON p.stock_code = o.stock_code WHERE o.quantity > 10;

-- sql-28 current date
SELECT count(*) FROM shop.customers WHERE signed_up_on < CURRENT_DATE;

-- sql-29 folded names
SELECT Country, SUM(Quantity) AS Total FROM Shop.Order_Lines GROUP BY COUNTRY ORDER BY total DESC;

-- sql-30 aliases in japanese
SELECT country AS "国", count(*) AS "件数" FROM shop.order_lines GROUP BY country ORDER BY "件数" DESC, "国";

-- sql-31 boolean tests
SELECT gift IS TRUE AS is_gift, count(*) FROM shop.order_lines WHERE gift IS NOT NULL GROUP BY gift IS TRUE;

-- sql-32 greatest and least [postgresql duckdb]
SELECT greatest(quantity, 5), least(quantity, 5) FROM shop.order_lines;

-- sql-32 greatest and least [sqlite]
SELECT max(quantity, 5), min(quantity, 5) FROM shop.order_lines;

-- sql-33 logarithms
SELECT ln(points + 1), sqrt(points), exp(0.5), power(points, 2) FROM shop.customers;

-- sql-34 percentiles by rank
SELECT min(points) FROM (SELECT points, percent_rank() OVER (ORDER BY points) AS p FROM shop.customers) x WHERE p >= 0.9;

-- sql-35 gaps between tickets of a channel
SELECT channel, count(*) - 1 AS gaps FROM shop.tickets GROUP BY channel HAVING count(*) > 1;

-- sql-36 materialised with [postgresql duckdb]
WITH big AS MATERIALIZED (SELECT customer_id, sum(quantity) AS q FROM shop.order_lines GROUP BY customer_id) SELECT count(*) FROM big WHERE q > 10;

-- sql-37 recursive levels
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) SELECT n.i, count(o.quantity) AS lines FROM n LEFT JOIN shop.order_lines o ON o.quantity = n.i GROUP BY n.i ORDER BY n.i;

-- sql-38 deciles
SELECT decile, count(*), avg(points) FROM (SELECT points, ntile(10) OVER (ORDER BY points) AS decile FROM shop.customers) d GROUP BY decile ORDER BY decile;

-- sql-39 ratio to the row before
SELECT prefecture, n, n * 1.0 / lag(n) OVER (ORDER BY n, prefecture) AS ratio FROM (SELECT prefecture, count(*) AS n FROM shop.customers GROUP BY prefecture) p ORDER BY n, prefecture;

-- sql-40 median of a group by hand
SELECT avg(points) FROM (SELECT points, row_number() OVER (ORDER BY points) AS r, count(*) OVER () AS n FROM shop.customers) x WHERE r IN ((n + 1) / 2, (n + 2) / 2);

-- sql-40 median of a group by hand [duckdb]
SELECT avg(points) FROM (SELECT points, row_number() OVER (ORDER BY points) AS r, count(*) OVER () AS n FROM shop.customers) x WHERE r IN ((n + 1) // 2, (n + 2) // 2);

-- sql-41 groups of a range frame [postgresql duckdb]
SELECT points, count(*) OVER (ORDER BY points RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) AS near FROM shop.customers;

-- sql-42 string aggregate, ordered [postgresql duckdb]
SELECT member_rank, string_agg(prefecture, '/' ORDER BY points, signed_up_on) AS places FROM shop.customers GROUP BY member_rank;

-- sql-42 string aggregate, ordered [sqlite]
SELECT member_rank, group_concat(DISTINCT prefecture) AS places FROM shop.customers WHERE prefecture = '東京都' GROUP BY member_rank;

-- sql-43 any value [duckdb]
SELECT country, arg_max(stock_code, quantity * 1000 + unit_price) AS best, mode(gift) AS gift FROM shop.order_lines GROUP BY country;

-- sql-44 names of days [postgresql]
SELECT to_char(invoiced_at, 'Dy') AS day, count(*) FROM shop.order_lines GROUP BY 1 ORDER BY 2 DESC, 1;

-- sql-44 names of days [duckdb]
SELECT dayname(invoiced_at) AS day, count(*) FROM shop.order_lines GROUP BY 1 ORDER BY 2 DESC, 1;

-- sql-45 boolean aggregates [postgresql duckdb]
SELECT country, bool_or(gift) AS any_gift, bool_and(gift) AS all_gifts FROM shop.order_lines GROUP BY country;

-- sql-46 array of values [postgresql duckdb]
SELECT country, count(DISTINCT stock_code) AS n, min(stock_code) || '..' || max(stock_code) AS span FROM shop.order_lines GROUP BY country;

-- sql-47 regression [postgresql duckdb]
SELECT round(CAST(corr(quantity, unit_price) AS numeric), 6) AS r, round(CAST(regr_slope(quantity, unit_price) AS numeric), 6) AS slope FROM shop.order_lines;

-- sql-48 group by an alias
SELECT CASE WHEN minutes >= 10 THEN 'long' ELSE 'short' END AS length_of, count(*) AS n FROM shop.tickets GROUP BY length_of ORDER BY n DESC;

-- sql-49 tickets by year of birth
SELECT c.birth_date AS year, count(t.ticket_id) AS tickets FROM shop.customers c JOIN shop.tickets t ON t.customer_id = c.customer_id GROUP BY c.birth_date ORDER BY year;

-- sql-50 postal areas
SELECT postal_code, count(*) AS people, sum(points) AS points FROM shop.customers WHERE postal_code LIKE '1%' GROUP BY postal_code ORDER BY postal_code;

-- dbt-14 union of relations with missing columns
select customer_id, channel, null as category from shop.tickets union all select null as customer_id, null as channel, category from shop.events;
