-- One row for each customer who bought in the 180 days before $as_of, as known at that timestamp.
-- A logarithm of a ratio is zero when nothing has changed, and on a scale that suits linear models too.
-- Sums are exact and ties are broken by value, so the order of the rows plays no part.
with
-- A visit is a day with orders.
visits as (
    select
        customer_id,
        date_diff('day', occurred_at::date, $as_of::date) as days_ago,
        count(*) as orders,
        sum(quantity) as quantity,
        sum(amount::decimal(18, 2)) as amount,
        count(*) filter (channel = 'app') as app_orders,
        count(channel) as channel_orders,
        max_by(channel, (occurred_at, channel)) as channel,
        max_by(region, (occurred_at, region)) as region
    from transactions
    group by customer_id, days_ago
),
-- The newest visit is number 1. A gap is the days between a visit and the one before it.
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
        max(region) filter (number = 1) as region,
        max(channel) filter (number = 1) as last_channel,
        min(days_ago) as days_since_last,
        max(days_ago) as tenure_days,
        sum(orders) as orders,
        sum(quantity) as quantity,
        sum(amount)::double as amount,
        sum(app_orders) / nullif(sum(channel_orders), 0) as app_share,
        -- the last three visits
        sum(orders) filter (number <= 3) as orders_of_3,
        sum(quantity) filter (number <= 3) as quantity_of_3,
        sum(amount) filter (number <= 3)::double as amount_of_3,
        sum(app_orders) filter (number <= 3) / nullif(sum(channel_orders) filter (number <= 3), 0)
            as app_share_of_3,
        -- the last 30, 90 and 180 days
        coalesce(sum(orders) filter (days_ago <= 30), 0) as orders_30,
        coalesce(sum(orders) filter (days_ago <= 90), 0) as orders_90,
        coalesce(sum(orders) filter (days_ago <= 180), 0) as orders_180,
        coalesce(sum(quantity) filter (days_ago <= 90), 0) as quantity_90,
        coalesce(sum(quantity) filter (days_ago <= 180), 0) as quantity_180,
        coalesce(sum(amount) filter (days_ago <= 30), 0)::double as amount_30,
        coalesce(sum(amount) filter (days_ago <= 90), 0)::double as amount_90,
        coalesce(sum(amount) filter (days_ago <= 180), 0)::double as amount_180,
        -- gaps; their mean counts one of 60 days beside them, which stands in for those of a new customer
        max(gap) filter (number = 1) as last_gap,
        count(gap) as gaps,
        sum(gap) as gap_sum,
        sum(gap * gap) as gap_squares,
        (60 + coalesce(gap_sum, 0)) / (1 + gaps) as usual_gap
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
    -- recency, frequency, monetary value, tenure
    days_since_last,
    orders,
    amount,
    tenure_days,
    ln(1 + days_since_last) as log_days_since_last,
    ln(orders) as log_orders,
    ln(1 + amount) as log_amount,
    ln(1 + tenure_days) as log_tenure_days,
    -- the basket: of all orders, and of the last three visits against all
    amount / orders as average_basket,
    quantity / orders as average_quantity,
    ln((1 + amount_of_3 / orders_of_3) / (1 + average_basket)) as basket_change,
    ln((1 + quantity_of_3 / orders_of_3) / (1 + average_quantity)) as quantity_change,
    -- the rhythm
    gap_sum / gaps as gap_mean,
    sqrt((gaps * gap_squares - gap_sum * gap_sum) / nullif(gaps * (gaps - 1), 0)) as gap_deviation,
    usual_gap,
    ln((15 + last_gap) / (15 + usual_gap)) as last_gap_change,
    -- the silence since the last visit, against the usual gap
    ln((1 + days_since_last) / usual_gap) as silence,
    -- windows of time, and each against the days before it: 30 against 60, 90 against 90
    orders_30,
    orders_90,
    orders_180,
    amount_30,
    amount_90,
    amount_180,
    ln(1 + orders_90) as log_orders_90,
    ln((1 + orders_30) / (1 + orders_90 - orders_30)) as orders_trend_30,
    ln((1 + orders_90) / (1 + orders_180 - orders_90)) as orders_trend_90,
    ln((1 + quantity_90) / (1 + quantity_180 - quantity_90)) as quantity_trend_90,
    ln((10 + amount_90) / (10 + amount_180 - amount_90)) as amount_trend_90,
    -- channels
    favourite_channel,
    last_channel,
    app_share,
    app_share_of_3 - app_share as app_share_change
from customers
join favourites using (customer_id)
