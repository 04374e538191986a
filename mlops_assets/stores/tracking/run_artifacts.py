"""Text artifacts of runs: copies of the project's code, model cards and figures of reports."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import FileInfo

from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.tracking.client import translated_mlflow_errors
from mlops_assets.stores.tracking.tracking import TrackingStore

CARD, CARD_FILE = "card", "model_card.md"
"""Folder and file name of a version's card, among the artifacts of its run."""
MOST_DESCRIPTION = 5_000
"""Maximum length of a version's description in MLflow's registry, in characters."""
MOST_BYTES = 16 * 2**20
"""Maximum size of a text artifact; a larger file was not written by mlops_assets."""


def write_texts(tracking: TrackingStore, run_id: str, folder: str, texts: Mapping[str, str]) -> None:
    """Log texts as files of a run's artifact folder."""
    with TemporaryDirectory() as scratch:
        for name, text in texts.items():
            (Path(scratch) / name).write_text(text, "utf-8")
        tracking.log_files(run_id, Path(scratch), folder)


def read_texts(tracking: TrackingStore, run_id: str, folder: str) -> dict[str, str]:
    """Return the texts in an artifact folder of a run, by file name; empty if the folder is missing.

    Raises
    ------
    TrackingError
        When a file is not UTF-8 text or is larger than 16 MiB.
    """
    with translated_mlflow_errors(tracking.uri):
        found = [entry for entry in tracking.client.list_artifacts(run_id, folder) if not entry.is_dir]
    return {Path(entry.path).name: _read(tracking, run_id, entry) for entry in found}


def read_text(tracking: TrackingStore, run_id: str, path: str) -> str | None:
    """Return one text artifact of a run; None if it is missing. Raises as `read_texts` does."""
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
            f"{entry.path} of MLflow run {run_id} is not a text artifact of mlops_assets: {error}",
            hint="restore the artifact from a backup; it was changed after the run",
        ) from error
