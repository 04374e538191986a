"""Synthetic orders: `write_orders` writes any number of rows to a CSV file, deterministically.

About four rows in a thousand are invalid: text in a number, a negative price, an unknown country, an invalid
product code, an invalid date, a duplicate order, or an overpaid order.
"""

from pathlib import Path

import duckdb

_QUERY = """
with numbered as (
    select i, hash(i, 1) a, hash(i, 2) b, hash(i, 3) c, hash(i, 4) d, hash(i, 5) e, hash(i, 6) % 1000000 flaw
    from range(1, {rows} + 1) r(i)
), drawn as (
    select *,
        timestamp '2022-01-01' + to_seconds((a % 94608000)::bigint) ordered,
        1 + (b % 7 * (b >> 8) % 12)::int quantity,
        round(exp(1 + (c % 100000) / 20000.0), 2) unit_price,
        case when d % 4 = 0 then ((d >> 8) % 10) * 0.05 end discount
    from numbered
)
select
    case when flaw < 400 and i > 10 then i - 7 else i end as order_id,
    1 + a % greatest({rows} // 20, 10) as customer_id,
    case when flaw between 400 and 699 then '2023-02-30 12:00:00'
        else strftime(ordered, '%Y-%m-%d %H:%M:%S') end as ordered_at,
    case when e % 10 > 0 then strftime(ordered + to_seconds((e % 864000)::bigint), '%Y-%m-%d %H:%M:%S') end
        as shipped_at,
    case when flaw between 700 and 1199 then 'none' else
        chr((65 + a % 26)::int) || chr((65 + b % 26)::int) || '-' || lpad((c % 10000)::varchar, 4, '0') end
        as product,
    ['books', 'clothes', 'food', 'garden', 'music', 'sports', 'tools', 'toys'][(d % 8)::int + 1] as category,
    case when flaw between 1200 and 1799 then 'XX' when e % 50 > 0 then
        ['AT', 'BE', 'CH', 'DE', 'DK', 'ES', 'FR', 'GB', 'IT', 'NL', 'PL', 'SE'][((d >> 16) % 12)::int + 1]
        end as country,
    case when flaw between 1800 and 2299 then 'few' else quantity::varchar end as quantity,
    case when flaw between 2300 and 2999 then -unit_price else unit_price end as unit_price,
    discount,
    case when b % 20 > 0 then round((c % 9000) / 1000.0, 3) end as weight,
    case when a % 11 = 0 then 'true' else 'false' end as gift,
    case when c % 3 = 0 then ['please ring twice', 'leave at the door', 'a gift, no bill inside',
        'deliver after six'][(e % 4)::int + 1] end as note,
    round(quantity * unit_price * (1 - coalesce(discount, 0)), 2)
        + case when flaw between 3000 and 3499 then 1000000 else 0 end as paid
from drawn
"""


def write_orders(path: Path, rows: int) -> None:
    """Write that many rows into a CSV file."""
    with duckdb.connect() as connection:
        connection.execute(f"copy ({_QUERY.format(rows=rows)}) to '{path}' (header, delimiter ',')")
