"""The process that imports Evidently; it reads two samples of a folder and writes the page."""

import sys
import warnings
from pathlib import Path


def main(folder: Path, file: Path) -> None:
    """Read `reference.parquet` and `current.parquet` of a folder, and write the page."""
    import pandas as pd

    warnings.filterwarnings("ignore")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    reference, current = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "current"))
    numbers = [str(name) for name in reference.select_dtypes("number").columns]
    others = [str(name) for name in reference if name not in numbers]
    columns = DataDefinition(numerical_columns=numbers, categorical_columns=others)
    compared = (Dataset.from_pandas(frame, columns) for frame in (current, reference))
    Report([DataDriftPreset()]).run(*compared).save_html(str(file))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
