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

    original = sql_event_log.deserialize_value

    def counted(*args: Any, **kwargs: Any) -> Any:
        decoded["events"] += 1
        return original(*args, **kwargs)

    sql_event_log.deserialize_value = counted  # type: ignore[assignment]
    original_all = sql_event_log.deserialize_values

    def counted_all(texts: Any, *args: Any, **kwargs: Any) -> Any:
        texts = list(texts)
        decoded["events"] += len(texts)
        return original_all(texts, *args, **kwargs)

    sql_event_log.deserialize_values = counted_all  # type: ignore[assignment]
    sys.argv = ["mlops", *sys.argv[2:]]
    try:
        mlops()
    finally:
        counts = {"statements": dict(statements.most_common()), "decoded": decoded["events"]}
        target.write_text(json.dumps(counts), "utf-8")


if __name__ == "__main__":
    main()
