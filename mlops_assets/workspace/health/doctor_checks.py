"""The checks of `mlops doctor`: each returns a description, or raises an error with a hint."""

import importlib
import os
import platform
import shlex
import shutil
import tempfile
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from dagster import AssetKey

from mlops_assets.components.model_project.project.metadata_names import FOLDER
from mlops_assets.components.model_project.queries.known_tables import ENTITIES
from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError, ProjectError, StoreError, TrackingError
from mlops_assets.core.redaction.redact import short_secrets
from mlops_assets.ml.families.extras import installed_extras
from mlops_assets.stores.project_folder.files import FEATURES_SQL, TARGET_SQL, ProjectFiles
from mlops_assets.stores.system.own_files import linked_outside
from mlops_assets.stores.system.permissions import STATE_MODE_VARIABLE, wider_mode
from mlops_assets.workspace.health.former_projects import former_projects
from mlops_assets.workspace.workspace import Workspace

_ANSWER_SECONDS = 5.0
_PACKAGE = "mlops-assets"
_LOW_SPACE, _TOO_LITTLE_SPACE = 5 * 2**30, 2**29
_HTTP = ("http://", "https://")
_IMPORTED = (
    "mlflow",
    "duckdb",
    "deltalake",
    "pandera.pandas",
    "optuna",
    "xgboost",
    "sklearn",
    "skops",  # its `io` has no compiled code, and takes 1.5 s to list all classes of scikit-learn
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


class CheckWarningError(MlopsError):
    """A condition that does not fail now, but may fail later."""


def check_python(_: Workspace) -> str:
    """Check the Python version against the package's requirement."""
    from packaging.specifiers import SpecifierSet

    installed = platform.python_version()
    required = distribution(_PACKAGE).metadata["Requires-Python"]
    if installed not in SpecifierSet(required, prereleases=True):
        raise StoreError(
            f"Python {installed} does not satisfy {required}",
            hint="rebuild .venv with another Python: make PYTHON=python3.12 install",
        )
    return installed


def check_packages(_: Workspace) -> str:
    """Check that every required package is installed in a required version."""
    from packaging.requirements import Requirement

    wrong = []
    for text in requires(_PACKAGE) or []:
        required = Requirement(text)
        if required.marker and not required.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(required.name)
        except PackageNotFoundError:
            wrong.append(f"{required.name} is missing")
            continue
        if not required.specifier.contains(installed, prereleases=True):
            wrong.append(f"{required.name} {installed} is not {required.specifier}")
    if wrong:
        raise StoreError("; ".join(wrong), hint="install the required packages: make install")
    return ", ".join(f"{name} {version(name)}" for name in _SHOWN)


def check_libraries(_: Workspace) -> str:
    """Check that the installed packages can be imported, which a missing system library prevents."""
    broken = []
    for name in (*_IMPORTED, *installed_extras()):
        try:
            importlib.import_module(name)
        except Exception as error:  # an import may raise anything
            broken.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")
    if broken:
        raise StoreError(
            "; ".join(broken), hint="install the missing system library, or rebuild .venv: make install"
        )
    return "all can be imported"


def check_project_root(workspace: Workspace) -> str:
    """Describe the project root and the module of the definitions."""
    return f"{workspace.root}, definitions in {workspace.module}"


def check_state_directory(workspace: Workspace) -> str:
    """Check that the state directory, or the folder to create it in, is writable."""
    root = workspace.state.root
    existing = _existing(root)
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise StoreError(
            f"{existing} can't be written to: {error.strerror}",
            hint="change its owner or mode, or set MLOPS_STATE_DIR to another directory",
        ) from error
    state = workspace.state
    folders = (state.warehouse, state.mlflow, state.dagster, state.studies, state.reports, state.sensors)
    if linked := linked_outside(root, *folders, *_subfolders(folders)):
        raise CheckWarningError(
            f"{linked[0]} is a link to {linked[0].resolve()}, outside of the state directory: a copy of the "
            "project would share it, and vacuum removes nothing there",
            hint="move the whole state directory to the other disk, and set MLOPS_STATE_DIR or link it",
        )
    if existing == root and (mode := wider_mode(root)):
        raise CheckWarningError(
            f"{root} is accessible to other users: its mode is {mode:04o}",
            hint=f"run `chmod -R go-rwx {shlex.quote(str(root))}`, or set {STATE_MODE_VARIABLE}={mode:04o} "
            "to share it",
        )
    return f"{root}{'' if existing == root else ', created by the first run'}"


def check_disk(workspace: Workspace) -> str:
    """Check the free space of the state directory's disk."""
    free = shutil.disk_usage(_existing(workspace.state.root)).free
    found = f"{free / 2**30:.1f} GiB free"
    hint = "run `mlops data vacuum` for each project, or set MLOPS_STATE_DIR to a directory on another disk"
    if free < _TOO_LITTLE_SPACE:
        raise StoreError(found, hint=hint)
    if free < _LOW_SPACE:
        raise CheckWarningError(found, hint=hint)
    return found


def check_secrets(_: Workspace) -> str:
    """Check that the secrets in the environment are long enough to be found in texts by their values."""
    if short := short_secrets():
        raise CheckWarningError(
            f"the secret in {', '.join(short)} is too short to be redacted wherever it appears",
            hint="choose a longer one; in addresses and in password=… it is redacted",
        )
    return "those in the environment are redacted in messages, logs and records"


def check_instance(workspace: Workspace) -> str:
    """Check that the Dagster instance can be opened."""
    with workspace.instance() as instance:
        return f"{instance.get_runs_count():,} runs in {os.environ['DAGSTER_HOME']}"


def check_definitions(workspace: Workspace) -> str:
    """Check that the definitions can be loaded."""
    count = len(workspace.definitions.resolve_asset_graph().get_all_asset_keys())
    if not workspace.groups:
        raise CheckWarningError(
            f"{workspace.module} has no model project",
            hint="create one: dg scaffold defs mlops_assets.ModelProject NAME",
        )
    return f"{', '.join(sorted(workspace.groups))}; {count} assets"


def check_tables(workspace: Workspace) -> str:
    """Check that every table's log can be read and that its files have the sizes in the log."""
    from mlops_assets.stores.delta.log import damage_hint
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    warehouse = Warehouse(workspace.state.warehouse)
    tables = warehouse.tables()
    for table in tables:
        warehouse.row_counts(table)
        if damaged := warehouse.damage(table):
            raise StoreError(
                f"{names.view_name(table)}: {len(damaged)} data files are damaged: {damaged[0]}",
                hint=damage_hint(table),
            )
    found = f"{len(tables)} tables in {warehouse.root}"
    if former := former_projects(workspace):
        raise CheckWarningError(
            f"{found}; no project declares those of {', '.join(one.name for one in former)}",
            hint=f"if a project was renamed, add `name: {former[0].name}` to the attributes in defs.yaml; if "
            f"it was removed, its history may stay, or move {warehouse.root / former[0].name} away",
        )
    return found


def check_tracking_store(workspace: Workspace) -> str:
    """Check that the tracking store answers."""
    uri = workspace.tracking_uri
    if uri.startswith(_HTTP):
        _require_answer(uri)
    elif (file := Path(uri.removeprefix("sqlite:///"))) and uri.startswith("sqlite") and not file.exists():
        return f"{uri}, created by the first run"
    # No retries: a server that answers too slowly is reported.
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = f"{_ANSWER_SECONDS:.0f}"
    versions = len(workspace.tracking.client.search_registered_models())
    return f"{uri}, {versions} registered models"


def _require_answer(uri: str) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_ANSWER_SECONDS):
            return
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(
            f"the tracking server at {uri} does not answer: {reason}",
            hint="start the server, or correct its URL; the check requests /health",
        ) from error


def check_project(project: str, workspace: Workspace) -> str:
    """Import a project's Python files, and parse its queries."""
    import duckdb

    from mlops_assets.ml.features.project_query import ProjectQuery

    keys = workspace.project(project)
    code = ProjectFiles(project, Path(workspace.metadata(project, FOLDER)[FOLDER]))
    read = {names.table_of(key.path) for key in keys if names.layer_of(key.path) == names.RAW}
    tables = sorted(read - {names.SCORING})  # its rows have the contract of the table that they are for
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
                readable = [*tables, ENTITIES] if file == TARGET_SQL else tables
                ProjectQuery(code.text(file), subject, timestamps=timestamps).parsed(connection, readable)
            elif file == FEATURES_SQL:
                raise ProjectError(
                    f"{project}: {code.folder / file} is missing", hint="create it with a SELECT statement"
                )
    return f"contracts of {', '.join(tables)}, pipeline and queries"


def _has_target(project: str, keys: set[AssetKey]) -> bool:
    return AssetKey(names.project_asset(project, names.TARGET)) in keys


def _subfolders(folders: Iterable[Path]) -> list[Path]:
    return [entry for folder in folders if folder.is_dir() for entry in folder.iterdir() if entry.is_dir()]


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
