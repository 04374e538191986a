select
    row_id,
    quantity::double as quantity,
    unit_price,
    quantity * unit_price as price,
    ln(1 + unit_price) as log_unit_price,
    coalesce(discount, 0) as discount,
    discount is null as without_discount,
    weight / quantity as weight_each,
    hour(ordered_at) as hour,
    dayofweek(ordered_at) as weekday,
    date_diff('second', ordered_at, shipped_at) / 3600.0 as hours_to_ship,
    gift,
    coalesce(length(note), 0) as note_length,
    left(product, 2) as product_line,
    category,
    coalesce(country, 'unknown') as country
from orders
