"""DuckDB's COPY with nothing around it, its settings as they are.

Run: python -m benchmarks.orders.bare_copy orders.csv FOLDER_OF_VALID_ROWS TARGET
"""

import json
import sys
import time
from pathlib import Path

import duckdb


def main(source: Path, valid: Path, target: Path) -> None:
    """Print the seconds of both copies."""
    sql = (Path(__file__).parent / "features.sql").read_text("utf-8")
    with duckdb.connect() as connection:
        files = [str(file) for file in valid.glob("*.parquet")]
        connection.read_parquet(files).create_view("orders")
        queries = {"bare raw": f"from read_csv('{source}', all_varchar = true)", "bare features": sql}
        seconds = {}
        for name, query in queries.items():
            started = time.perf_counter()
            connection.execute(f"copy ({query}) to '{target}' (format parquet)")
            seconds[name] = time.perf_counter() - started
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
