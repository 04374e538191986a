"""Whether everything that a run needs is there, asked before one fails of it.

A check takes seconds at the most: what does not answer by then is a fault.
"""

import importlib
import os
import platform
import shutil
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import Literal

from dagster import AssetKey

from mlops_assets.components.model_project.project.files import FEATURES_SQL, TARGET_SQL, ProjectFiles
from mlops_assets.components.model_project.project.metadata_names import FOLDER
from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError, ProjectError, StoreError, TrackingError
from mlops_assets.workspace.workspace import Workspace

SECONDS = 20.0
"""How long a check may take; loading definitions and opening a store take a few seconds on a slow disk."""
_LOADING_SECONDS = 180.0
_ANSWER_SECONDS = 5.0
_PACKAGE = "mlops-assets"
_SCARCE, _TOO_LITTLE = 5 * 2**30, 2**29
_HTTP = ("http://", "https://")
_LOADED = (
    "mlflow",
    "duckdb",
    "deltalake",
    "pandera.pandas",
    "optuna",
    "xgboost",
    "sklearn",
    "skops.io",
    "matplotlib",
)
_SHOWN = (
    "dagster",
    "mlflow",
    "duckdb",
    "deltalake",
    "pandera",
    "optuna",
    "xgboost",
    "scikit-learn",
    "pandas",
)


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    subject: str
    state: Literal["ok", "warn", "FAULT"]
    told: str
    hint: str | None = None
    hangs: bool = False
    """Whether the check still waits for an answer."""


class NotForLongError(MlopsError):
    """What works for now; the message says why it may not for long."""


Check = Callable[[Workspace], str]


def examine(workspace: Workspace, *, seconds: float = SECONDS) -> Iterator[Finding]:
    """The findings of all checks, one by one as they are known.

    Parameters
    ----------
    seconds
        How long one check may take.
    """
    loaded = False
    for subject, check in CHECKS.items():
        finding = _within(seconds, subject, check, workspace)
        loaded = loaded or (subject == _DEFINITIONS and finding.state == "ok")
        yield finding
    if loaded:
        for project in sorted(workspace.groups):
            yield _within(seconds, project, partial(_project_code, project), workspace)


def _within(seconds: float, subject: str, check: Check, workspace: Workspace) -> Finding:
    """Run a check, and go on without it when it does not come back."""
    found: list[Finding] = []
    if subject == _LIBRARIES:  # loading takes what it takes, and does not hang
        seconds = _LOADING_SECONDS

    def run() -> None:
        try:
            found.append(Finding(subject, "ok", check(workspace)))
        except NotForLongError as warned:
            found.append(Finding(subject, "warn", warned.message, warned.hint))
        except MlopsError as error:
            found.append(Finding(subject, "FAULT", error.message, error.hint))
        except Exception as error:  # a check must not hide those after it
            told = f"{type(error).__name__}: {' '.join(str(error).split())}"
            found.append(
                Finding(subject, "FAULT", told, f"run what fails with --debug to see where: {subject}")
            )

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    hint = "see whether a disk or a server hangs, then ask again"
    return found[0] if found else Finding(subject, "FAULT", f"no answer within {seconds:g} s", hint, True)


def _python(_: Workspace) -> str:
    from packaging.specifiers import SpecifierSet

    told = platform.python_version()
    wanted = distribution(_PACKAGE).metadata["Requires-Python"]
    if told not in SpecifierSet(wanted, prereleases=True):
        raise StoreError(
            f"Python {told} is none of {wanted}", hint="make PYTHON=python3.12 install builds another .venv"
        )
    return told


def _packages(_: Workspace) -> str:
    """Every package that we ask for, in a version that we ask for."""
    from packaging.requirements import Requirement

    wrong = []
    for text in requires(_PACKAGE) or []:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(wanted.name)
        except PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(there, prereleases=True):
            wrong.append(f"{wanted.name} {there} is not {wanted.specifier}")
    if wrong:
        raise StoreError("; ".join(wrong), hint="make install builds an environment that fits")
    return ", ".join(f"{name} {version(name)}" for name in _SHOWN)


def _libraries(_: Workspace) -> str:
    """What is installed can be loaded; a missing system library shows here."""
    broken = []
    for name in _LOADED:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a library does when it can't
            broken.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")
    if broken:
        raise StoreError(
            "; ".join(broken), hint="install what it names, or build .venv again by make install"
        )
    return "all can be loaded"


def _project_root(workspace: Workspace) -> str:
    return f"{workspace.root}, definitions in {workspace.module}"


def _state_directory(workspace: Workspace) -> str:
    """Writable, or to be made in a folder that is."""
    root = workspace.state.root
    there = _existing(root)
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise StoreError(
            f"{there} can't be written to: {error.strerror}",
            hint="change its owner or its mode, or name another place with MLOPS_STATE_DIR",
        ) from error
    return f"{root}{'' if there == root else ', made by the first run'}"


def _disk(workspace: Workspace) -> str:
    free = shutil.disk_usage(_existing(workspace.state.root)).free
    told = f"{free / 2**30:.1f} GiB free"
    hint = "remove what nobody needs below the state directory, or name another disk with MLOPS_STATE_DIR"
    if free < _TOO_LITTLE:
        raise StoreError(told, hint=hint)
    if free < _SCARCE:
        raise NotForLongError(told, hint=hint)
    return told


def _instance(workspace: Workspace) -> str:
    with workspace.instance() as instance:
        return f"{instance.get_runs_count():,} runs in {os.environ['DAGSTER_HOME']}"


def _definitions(workspace: Workspace) -> str:
    count = len(workspace.definitions.resolve_asset_graph().get_all_asset_keys())
    if not workspace.groups:
        raise NotForLongError(
            f"{workspace.module} has no model project", hint="dg scaffold defs mlops_assets.ModelProject NAME"
        )
    return f"{', '.join(sorted(workspace.groups))}; {count} assets"


def _tables(workspace: Workspace) -> str:
    """Every table's log can be read, and the files of its newest version are there."""
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    warehouse = Warehouse(workspace.state.warehouse)
    tables = warehouse.tables()
    for table in tables:
        warehouse.row_counts(table)
        if gone := warehouse.missing_files(table):
            raise StoreError(
                f"{names.view_name(table)}: {len(gone)} data files are gone, such as {gone[0]}",
                hint=f"remove {warehouse.root.joinpath(*table)}, then run the project again",
            )
    return f"{len(tables)} tables in {warehouse.root}"


def _tracking(workspace: Workspace) -> str:
    uri = workspace.tracking_uri
    if uri.startswith(_HTTP):
        _refuse_silent(uri)
    elif (file := Path(uri.removeprefix("sqlite:///"))) and uri.startswith("sqlite") and not file.exists():
        return f"{uri}, made by the first run"
    # Asked once: a server that answers so slowly is told as one.
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = f"{_ANSWER_SECONDS:.0f}"
    versions = len(workspace.tracking.client.search_registered_models())
    return f"{uri}, {versions} registered models"


def _refuse_silent(uri: str) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_ANSWER_SECONDS):
            return
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(
            f"the tracking server at {uri} does not answer: {reason}",
            hint="start it, or correct its address; it is asked for /health",
        ) from error


def _project_code(project: str, workspace: Workspace) -> str:
    """Import what a project declares, and parse its queries."""
    import duckdb

    from mlops_assets.ml.features.project_query import ProjectQuery

    keys = workspace.project(project)
    code = ProjectFiles(project, Path(workspace.metadata(project, FOLDER)[FOLDER]))
    tables = sorted(names.table_of(key.path) for key in keys if names.layer_of(key.path) == names.RAW)
    for table in tables:
        code.contract(table)
    code.feature_contract()
    code.make_pipeline()()
    now = datetime.now(UTC).replace(tzinfo=None)
    timestamps = {"as_of": now, "horizon_end": now} if _has_target(project, keys) else {}
    with duckdb.connect() as connection:
        for file in (FEATURES_SQL, TARGET_SQL):
            if code.has(file):
                subject = f"{project}: {code.folder / file}"
                ProjectQuery(code.text(file), subject, timestamps=timestamps).parsed(connection)
            elif file == FEATURES_SQL:
                raise ProjectError(f"{project}: there is no {code.folder / file}", hint="write a SELECT")
    return f"contracts of {', '.join(tables)}, pipeline and queries"


def _has_target(project: str, keys: set[AssetKey]) -> bool:
    return AssetKey(names.project_asset(project, names.TARGET)) in keys


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


_DEFINITIONS, _LIBRARIES = "definitions", "libraries"
CHECKS: Mapping[str, Check] = {
    "Python": _python,
    "packages": _packages,
    _LIBRARIES: _libraries,
    "project root": _project_root,
    "state directory": _state_directory,
    "free disk": _disk,
    "Dagster instance": _instance,
    _DEFINITIONS: _definitions,
    "tracking store": _tracking,
    "tables": _tables,
}
