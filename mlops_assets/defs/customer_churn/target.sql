-- A customer has churned (1) without a purchase from $as_of to $horizon_end that is known by then.
select
    customer_id,
    (buyers.customer_id is null)::bigint as churned
from entities
left join (select distinct customer_id from transactions) as buyers using (customer_id)
