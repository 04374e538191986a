"""How often `data_quality` warns of unchanged rows, and how it finds planted changes.

python -m benchmarks.data_quality_alarms [--rows 500 2000] [--seeds 4] [--partitions 48]
"""

import argparse
from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

from mlops_assets.ml.monitoring.past_figures import ComparedFigure, PastFigures, compared, with_new_categories
from mlops_assets.ml.monitoring.row_figures import row_figures

NUMBERS, TEXTS = 15, 5
HISTORY, SEASON, FALSE_ALARMS = 36, 12, 0.005


def rows(random: np.random.Generator, count: int) -> pd.DataFrame:
    """Rows with normal, skewed and integer columns, missing values, and categories."""
    found: dict[str, object] = {}
    for place in range(NUMBERS):
        match place % 3:
            case 0:
                values = random.normal(10, 2, count)
            case 1:
                values = random.lognormal(3, 1, count).round(2)
            case _:
                values = random.poisson(3, count).astype(float)
        values[random.random(count) < 0.02 * (place % 4)] = np.nan
        found[f"number_{place}"] = values
    for place in range(TEXTS):
        shares = [0.5, 0.25, 0.15, 0.07, 0.03]
        found[f"text_{place}"] = random.choice(list("abcde"), count, p=shares)
    return pd.DataFrame(found)


def series(seed: int, count: int, partitions: int, change: str) -> Iterator[list[ComparedFigure]]:
    """The compared figures of each partition; the change is in the last one."""
    random, past = np.random.default_rng(seed), PastFigures()
    with duckdb.connect() as connection:
        for position in range(partitions):
            frame = rows(random, max(int(random.normal(count, 0.03 * count)), 20))
            if position == partitions - 1:
                frame = changed(frame, change, random)
            figures = list(row_figures(connection, connection.from_df(frame), list(frame.columns)))
            before = past.before(position, HISTORY)
            figures = with_new_categories(figures, before)
            past.add(position, figures)
            yield compared({"t": figures}, {"t": before}, position, season=SEASON, false_alarms=FALSE_ALARMS)


def changed(frame: pd.DataFrame, change: str, random: np.random.Generator) -> pd.DataFrame:
    """The rows with a defect in one of the columns."""
    match change:
        case "nulls":  # 5 % more are missing
            return frame.assign(number_0=frame["number_0"].where(random.random(len(frame)) > 0.05))
        case "unit":  # a tenth of the values is in another unit
            factor = np.where(random.random(len(frame)) < 0.1, 100.0, 1.0)
            return frame.assign(number_1=frame["number_1"] * factor)
        case "shift":
            return frame.assign(number_0=frame["number_0"] + 1.0)
        case "category":  # 3 % of the rows have a new one
            return frame.assign(text_0=frame["text_0"].where(random.random(len(frame)) > 0.03, "new"))
        case "half":
            return frame.iloc[: len(frame) // 2]
        case _:
            return frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--partitions", type=int, default=48)
    parser.add_argument("--found", action="store_true", help="Also plant changes after 12 partitions.")
    chosen = parser.parse_args()
    for count in chosen.rows:
        alarms, checked = 0, 0
        for seed in range(chosen.seeds):
            for found in series(seed, count, chosen.partitions, ""):
                checked += any(each.in_line is not None for each in found)
                alarms += any(each.in_line is False for each in found)
        print(
            f"{count:>9,} rows, unchanged: {alarms} of {checked} partitions warn ({alarms / checked:.2%})",
            flush=True,
        )
        for change in ("nulls", "unit", "shift", "category", "half") if chosen.found else ():
            last = [list(series(seed, count, 13, change))[-1] for seed in range(10)]
            hits = sum(any(each.in_line is False for each in found) for found in last)
            print(f"{count:>9,} rows, {change} after 12 partitions: found in {hits} of 10", flush=True)


if __name__ == "__main__":
    main()
