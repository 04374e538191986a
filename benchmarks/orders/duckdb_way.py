"""What DuckDB alone needs for the same rows: each phase a `COPY`, with nothing around it.

Run: python -m benchmarks.orders.duckdb_way orders.csv FOLDER OPTIONS_OF_PARQUET
"""

import json
import sys
import time
from pathlib import Path

import duckdb

TYPES = {
    "order_id": "bigint",
    "customer_id": "bigint",
    "ordered_at": "timestamp",
    "shipped_at": "timestamp",
    "product": "varchar",
    "category": "varchar",
    "country": "varchar",
    "quantity": "bigint",
    "unit_price": "double",
    "discount": "double",
    "weight": "double",
    "gift": "boolean",
    "note": "varchar",
    "paid": "double",
}
OPTIONAL = ["shipped_at", "country", "discount", "weight", "note"]
RULES = [
    *(f"{name} is not null" for name in TYPES if name not in OPTIONAL),
    *(f"({name} is null) = (t_{name} is null)" for name in OPTIONAL),
    "order_id >= 1",
    "customer_id >= 1",
    "regexp_full_match(product, '[A-Z]{2}-[0-9]{4}')",
    "category in ('books', 'clothes', 'food', 'garden', 'music', 'sports', 'tools', 'toys')",
    "coalesce(country in ('AT', 'BE', 'CH', 'DE', 'DK', 'ES', 'FR', 'GB', 'IT', 'NL', 'PL', 'SE'), true)",
    "quantity between 1 and 100",
    "unit_price > 0 and unit_price < 10000",
    "coalesce(discount between 0 and 0.9, true)",
    "coalesce(weight >= 0, true)",
    "coalesce(length(note) <= 80, true)",
    "paid >= 0",
    "paid <= quantity * unit_price * 1.001",
]


def main(source: Path, folder: Path, options: str) -> None:
    """Print the seconds of each phase."""
    raw, valid, rejected, features = (
        folder / f"{name}.parquet" for name in ("raw", "valid", "rejected", "features")
    )
    typed = ", ".join(f"try_cast({name} as {kind}) as {name}" for name, kind in TYPES.items())
    texts = ", ".join(f"{name} as t_{name}" for name in TYPES)
    checked = f"select {typed}, {texts}, row from (select *, file_row_number as row from '{raw}')"
    is_valid = f"{' and '.join(f'({rule})' for rule in RULES)} and row not in (from repeated)"
    keys = f"select file_row_number as row, try_cast(order_id as bigint) as id from '{raw}'"
    found_again = f"select id from ({keys}) group by id having count(*) > 1"
    places = "select row, row_number() over (partition by id order by row) as place"
    repeated = f"{places} from ({keys}) semi join ({found_again}) using (id)"
    repeated = f"create table repeated as select row from ({repeated}) where place > 1"
    sql = (Path(__file__).parent / "features.sql").read_text("utf-8").replace("row_id", "order_id")
    phases = {
        "raw": [_copy(f"from read_csv('{source}', all_varchar = true)", raw, options)],
        "validated": [
            repeated,
            _copy(f"select {', '.join(TYPES)} from ({checked}) where {is_valid}", valid, options),
            _copy(
                f"select {', '.join(f't_{name}' for name in TYPES)} from ({checked}) where not ({is_valid})",
                rejected,
                options,
            ),
        ],
        "features": [_copy(sql.replace("from orders", f"from '{valid}' as orders"), features, options)],
    }
    seconds = {}
    with duckdb.connect() as connection:
        for phase, statements in phases.items():
            started = time.perf_counter()
            for statement in statements:
                connection.execute(statement)
            seconds[phase] = time.perf_counter() - started
    print(json.dumps(seconds))


def _copy(query: str, target: Path, options: str) -> str:
    return f"copy ({query}) to '{target}' ({options})"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
