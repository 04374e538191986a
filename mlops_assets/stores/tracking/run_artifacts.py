"""Texts that runs keep beside their models: code to look at, cards, numbers of reports."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import FileInfo

from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.tracking.client import translated_mlflow_errors
from mlops_assets.stores.tracking.tracking import TrackingStore

CARD, CARD_FILE = "card", "model_card.md"
"""Where a version's card is, among the artifacts of its run."""
MOST_DESCRIPTION = 5_000
"""What MLflow's registry has room for in the description of a version."""
MOST_BYTES = 16 * 2**20
"""What is longer was not written by us."""


def write_texts(tracking: TrackingStore, run_id: str, folder: str, texts: Mapping[str, str]) -> None:
    """Keep texts by their file names in a folder of a run."""
    with TemporaryDirectory() as scratch:
        for name, text in texts.items():
            (Path(scratch) / name).write_text(text, "utf-8")
        tracking.log_files(run_id, Path(scratch), folder)


def read_texts(tracking: TrackingStore, run_id: str, folder: str) -> dict[str, str]:
    """The texts in a folder of a run, by their file names; none where it has no such folder.

    Raises
    ------
    TrackingError
        When one of them is no text, or too long to be.
    """
    with translated_mlflow_errors(tracking.uri):
        found = [entry for entry in tracking.client.list_artifacts(run_id, folder) if not entry.is_dir]
    return {Path(entry.path).name: _read(tracking, run_id, entry) for entry in found}


def read_text(tracking: TrackingStore, run_id: str, path: str) -> str | None:
    """One text of a run; None where it has no such file. It raises what `read_texts` raises."""
    folder = path.rpartition("/")[0]
    with translated_mlflow_errors(tracking.uri):
        found = {entry.path: entry for entry in tracking.client.list_artifacts(run_id, folder)}
    return _read(tracking, run_id, found[path]) if path in found else None


def _read(tracking: TrackingStore, run_id: str, entry: FileInfo) -> str:
    try:
        if (entry.file_size or 0) > MOST_BYTES:
            raise ValueError(f"it has {entry.file_size:,} bytes")
        with translated_mlflow_errors(tracking.uri), TemporaryDirectory() as scratch:
            return Path(tracking.client.download_artifacts(run_id, entry.path, scratch)).read_text("utf-8")
    except ValueError as error:
        raise TrackingError(
            f"{entry.path} of MLflow run {run_id} is no text of ours: {error}",
            hint="it was changed after the run; bring the artifact back from a backup",
        ) from error
