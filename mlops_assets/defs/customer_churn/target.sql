-- A customer has churned (1) who buys nothing from $as_of until $horizon_end, as far as is known by then.
select
    customer_id,
    (buyers.customer_id is null)::bigint as churned
from entities
left join (select distinct customer_id from transactions) as buyers using (customer_id)
