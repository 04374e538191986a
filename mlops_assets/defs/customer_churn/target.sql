-- A customer has churned who bought nothing in the three months after $as_of.
select
    customer_id,
    (buyers.customer_id is null)::bigint as churned
from entities
left join (select distinct customer_id from transactions) as buyers using (customer_id)
