"""Runs a command of `mlops`, and counts the statements to Dagster's databases and the events decoded.

Run: .venv/bin/python -m benchmarks.counted_run COUNTS.json run PROJECT [...]
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as db
from dagster._core.storage.event_log import sql_event_log

from mlops_assets.cli import main as mlops


def main() -> None:
    """Count until the command exits."""
    target, statements, decoded = Path(sys.argv[1]), Counter[str](), Counter[str]()

    @db.event.listens_for(db.Engine, "before_cursor_execute")
    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements[statement.split(maxsplit=1)[0].lower()] += 1

    log: Any = sql_event_log
    one, many = log.deserialize_value, log.deserialize_values

    def counted(*args: Any, **kwargs: Any) -> Any:
        decoded["events"] += 1
        return one(*args, **kwargs)

    def counted_all(texts: Any, *args: Any, **kwargs: Any) -> Any:
        decoded["events"] += len(texts := list(texts))
        return many(texts, *args, **kwargs)

    log.deserialize_value, log.deserialize_values = counted, counted_all
    sys.argv = ["mlops", *sys.argv[2:]]
    try:
        mlops()
    finally:
        counts = {"statements": dict(statements.most_common()), "decoded": decoded["events"]}
        target.write_text(json.dumps(counts), "utf-8")


if __name__ == "__main__":
    main()
