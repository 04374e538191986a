"""How long `mlops new` takes to draft a project from a large CSV file, beside DuckDB's SUMMARIZE of the file.

Run: .venv/bin/python -m benchmarks.new_project [--rows 5000000] [--repeats 3] [--folder /tmp]
The file has 51 columns of mixed types. Both run in turns, in fresh processes; medians of wall time. The limit
for the draft is three times the time of SUMMARIZE.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import duckdb

SUMMARIZE = "import sys, duckdb; duckdb.sql(f\"summarize from read_csv('{sys.argv[1]}')\").fetchall()"
DRAFT = (
    "import sys; from pathlib import Path; from mlops_assets.scaffolding.drafting import draft_from; "
    "draft_from('bench', Path(sys.argv[1]).parent, data=Path(sys.argv[1]), target='churned')"
)


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "rows.csv"
        write_rows(path, asked.rows)
        print(f"{asked.rows:,} rows, {path.stat().st_size / 2**30:.1f} GiB", flush=True)
        seconds: dict[str, list[float]] = {SUMMARIZE: [], DRAFT: []}
        for _ in range(asked.repeats):
            for statement, found in seconds.items():
                found.append(run(statement, path))
            summary, draft = (found[-1] for found in seconds.values())
            load = os.getloadavg()[0]
            print(f"summarize {summary:.1f} s, draft {draft:.1f} s, load {load:.1f}", flush=True)
    summary, draft = (statistics.median(found) for found in seconds.values())
    print(f"medians of {asked.repeats}: summarize {summary:.1f} s, draft {draft:.1f} s")
    print(f"ratio {draft / summary:.2f}; the limit is 3")


def write_rows(path: Path, rows: int) -> None:
    """Amounts, scores with missing values, counts, categories, codes, dates, times, flags and free text."""
    category, count = (2, 5, 12, 40, 200, 2000, 7, 3), (2, 5, 10, 50, 100, 10**3, 10**4, 10**5, 10**6, 10**9)
    columns = [
        "range as customer_id",
        *(f"round(random() * 1000, 2) as amount_{n}" for n in range(14)),
        *(f"case when random() > 0.03 then random() * 10 - 5 end as score_{n}" for n in range(4)),
        *(f"(random() * {most})::bigint as count_{n}" for n, most in enumerate(count)),
        *(f"'label_' || (random() * {most})::int as kind_{n}" for n, most in enumerate(category)),
        *(f"'C' || lpad((random() * 1e8)::int::varchar, 9, '0') as code_{n}" for n in range(3)),
        *(f"date '2020-01-01' + (random() * 1500)::int as day_{n}" for n in range(2)),
        *(f"timestamp '2020-01-01' + to_seconds((random() * 1e8)::int) as at_{n}" for n in range(2)),
        *(f"random() < 0.3 as flag_{n}" for n in range(3)),
        "if(random() < 0.002, '-', round(random() * 100, 2)::varchar) as dirty",
        "lpad((random() * 99999)::int::varchar, 5, '0') as postcode",
        "'word ' || (random() * 1e6)::int || ' other ' || (random() * 1000)::int as comment",
        "(random() < 0.2)::int as churned",
    ]
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {', '.join(columns)} from range({rows})) to '{path}' (header)")


def run(statement: str, path: Path) -> float:
    """The seconds of a statement in a fresh process."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", statement, str(path)], check=True, capture_output=True)
    return perf_counter() - start


if __name__ == "__main__":
    main()
