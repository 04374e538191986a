"""Compares the newest training of the sample project with recorded figures.

    mlops run customer_churn && mlops compare customer_churn --json | python -m benchmarks.sample_figures

A difference beyond the tolerances of `sample_figures.json` exits with 1. With the versions of constraints.txt
the figures repeat; other versions of the numeric libraries move them by less than a tolerance. After a change
that is meant to move them, write the new ones into the file.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_suffix(".json")


def differences(training: Mapping[str, Any], recorded: Mapping[str, Any]) -> Iterator[str]:
    """What differs from the recorded figures by more than is tolerated."""
    for name, expected in recorded["exact"].items():
        if training.get(name) != expected:
            yield f"{name} is {training.get(name)!r}, recorded {expected!r}"
    for name, (expected, tolerance) in recorded["metrics"].items():
        found = training["metrics"].get(name)
        if found is None or not abs(found - expected) <= tolerance:
            yield f"{name} is {found}, recorded {expected} with a tolerance of {tolerance}"


def main() -> int:
    [training, *_] = json.load(sys.stdin)
    found = list(differences(training, json.loads(RECORDED.read_text("utf-8"))))
    print("\n".join(found) or "all figures as recorded")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
