-- One row for each customer who bought in the 180 days before $as_of, as known at that moment.
-- Logarithms of ratios are zero when nothing has changed, and bounded enough for a linear model.
-- Sums are of exact numbers, and ties are broken by value: the order of the rows plays no part.
with
-- A visit is a day with orders.
visits as (
    select
        customer_id,
        date_diff('day', occurred_at::date, $as_of::date) as days_ago,
        count(*) as orders,
        sum(quantity) as quantity,
        sum(amount::decimal(18, 2)) as amount,
        count(channel) as channelled,
        count(*) filter (channel = 'app') as app,
        count(*) filter (channel = 'web') as web,
        max_by(channel, (occurred_at, channel)) as channel,
        max_by(region, (occurred_at, region)) as region
    from transactions
    group by customer_id, days_ago
),
-- The newest visit is number 1; a gap is the days since the visit before it.
numbered as (
    select
        *,
        row_number() over newest_first as number,
        lead(days_ago) over newest_first - days_ago as gap
    from visits
    window newest_first as (partition by customer_id order by days_ago)
),
customers as (
    select
        customer_id,
        min(days_ago) as days_since_last,
        max(days_ago) filter (number <= 3) as days_since_third,
        max(days_ago) as tenure_days,
        count(*) as visits,
        sum(orders) as orders,
        sum(quantity) as quantity,
        sum(amount)::double as amount,
        -- by age in days
        coalesce(sum(orders) filter (days_ago <= 30), 0) as orders_30,
        coalesce(sum(orders) filter (days_ago <= 90), 0) as orders_90,
        coalesce(sum(orders) filter (days_ago <= 180), 0) as orders_180,
        coalesce(sum(amount) filter (days_ago <= 30), 0)::double as amount_30,
        coalesce(sum(amount) filter (days_ago <= 90), 0)::double as amount_90,
        coalesce(sum(amount) filter (days_ago <= 180), 0)::double as amount_180,
        coalesce(sum(quantity) filter (days_ago <= 90), 0) as quantity_90,
        coalesce(sum(quantity) filter (days_ago <= 180), 0) as quantity_180,
        -- gaps between visits
        count(gap) as gaps,
        sum(gap) as gap_sum,
        sum(gap * gap) as gap_squares,
        max(gap) filter (number = 1) as last_gap,
        -- the last three visits, to compare with all
        sum(orders) filter (number <= 3) as last_orders,
        sum(quantity) filter (number <= 3) as last_quantity,
        sum(amount) filter (number <= 3)::double as last_amount,
        sum(app) filter (number <= 3) / sum(channelled) filter (number <= 3) as last_app_share,
        sum(web) filter (number <= 3) / sum(channelled) filter (number <= 3) as last_web_share,
        sum(app) / sum(channelled) as app_share,
        sum(web) / sum(channelled) as web_share,
        max(channel) filter (number = 1) as last_channel,
        max(region) filter (number = 1) as region
    from numbered
    group by customer_id
    having days_since_last <= 180
),
favourites as (
    select customer_id, max_by(channel, (orders, channel)) as favourite_channel
    from (select customer_id, channel, count(*) as orders from transactions group by customer_id, channel)
    group by customer_id
)
select
    customer_id,
    region,
    -- recency, frequency, monetary value
    days_since_last,
    orders,
    amount,
    tenure_days,
    ln(1 + days_since_last) as log_days_since_last,
    ln(1 + days_since_third) as log_days_since_third,
    ln(orders) as log_orders,
    ln(1 + amount) as log_amount,
    ln(1 + tenure_days) as log_tenure_days,
    ln((visits + 0.5) / (tenure_days + 60)) as log_visits_a_day,
    -- the basket
    amount / orders as average_basket,
    quantity / orders as average_quantity,
    ln((1 + last_amount / last_orders) / (1 + amount / orders)) as basket_change,
    ln((1 + last_quantity / last_orders) / (1 + quantity / orders)) as quantity_change,
    -- gaps between visits; the usual one counts 60 days once more, for customers with few visits
    gap_sum / gaps as gap_mean,
    sqrt((gaps * gap_squares - gap_sum * gap_sum) / nullif(gaps * (gaps - 1), 0)) as gap_deviation,
    (60 + coalesce(gap_sum, 0)) / (1 + gaps) as usual_gap,
    ln((15 + last_gap) / (15 + usual_gap)) as last_gap_change,
    -- silence since the last visit: against the usual gap, and how unlikely it is for somebody still active
    ln((1 + days_since_last) / usual_gap) as silence,
    exp(-days_since_last / usual_gap) as silence_chance,
    (visits + 0.5) * ln((60 + tenure_days) / (60 + tenure_days - days_since_last)) as silence_surprise,
    -- the last 30, 90 and 180 days, and each of the first two against the days before
    orders_30,
    orders_90,
    orders_180,
    amount_30,
    amount_90,
    amount_180,
    quantity_90,
    quantity_180,
    ln(1 + orders_90) as log_orders_90,
    ln(1 + amount_180) as log_amount_180,
    ln((1 + orders_30) / (1 + orders_90 - orders_30)) as orders_trend_30,
    ln((1 + orders_90) / (1 + orders_180 - orders_90)) as orders_trend_90,
    ln((10 + amount_90) / (10 + amount_180 - amount_90)) as amount_trend_90,
    ln((1 + quantity_90) / (1 + quantity_180 - quantity_90)) as quantity_trend_90,
    -- channels: of all orders, of the last three visits, and how far the two differ
    favourite_channel,
    last_channel,
    app_share,
    web_share,
    last_app_share - app_share as app_share_change,
    last_web_share - web_share as web_share_change
from customers
join favourites using (customer_id)
