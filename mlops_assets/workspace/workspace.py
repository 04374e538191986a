"""The workspace of a command: project root, definitions, state directory and Dagster instance."""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
import yaml
from dagster import AssetKey, DagsterInstance
from filelock import FileLock

from mlops_assets.components.model_project.project.metadata_names import TIMELINE
from mlops_assets.components.resources import MlflowTracking, resources
from mlops_assets.core.errors import ProjectError, StoreError
from mlops_assets.core.periods import Periods
from mlops_assets.core.redaction.addresses import literal_secrets
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.stores.system.state_directory import STATE_DIR_VARIABLE, StateDirectory, dg_settings
from mlops_assets.workspace.definition_errors import translate_definition_error
from mlops_assets.workspace.instance_storage import default_settings, read_settings, usable_instance

if TYPE_CHECKING:
    from mlops_assets.compat.dagster_runs import RepeatedJob
    from mlops_assets.stores.tracking.tracking import TrackingStore


@dataclass(frozen=True)
class Workspace:
    """A project root with its definitions, state directory and Dagster instance."""

    root: Path

    @property
    def state(self) -> StateDirectory:
        return StateDirectory.of(self.root)

    @property
    def module(self) -> str:
        """The module of the definitions, as `[tool.dg.project]` names it."""
        project = dg_settings(self.root).get("project", {})
        if not ("root_module" in project or "code_location_target_module" in project):
            raise ProjectError(
                f"{self.root / 'pyproject.toml'} has no [tool.dg.project] with a root_module",
                hint="change into the folder of a dg project; a dg workspace contains several",
            )
        return str(project.get("code_location_target_module") or f"{project['root_module']}.definitions")

    @property
    def import_root(self) -> Path:
        """The folder of the project's packages: `src/` if it contains them, else the root."""
        source = self.root / "src"
        return source if (source / self.module.partition(".")[0]).is_dir() else self.root

    @property
    def defs_folder(self) -> Path:
        """The folder of the projects; each is a subfolder.

        Raises
        ------
        ProjectError
            When the folder does not exist.
        """
        package = self.module.partition(".")[0]
        project = dg_settings(self.root).get("project", {})
        module = str(project.get("defs_module") or f"{project.get('root_module', package)}.defs")
        folder = self.import_root.joinpath(*module.split("."))
        if not folder.is_dir():
            raise ProjectError(
                f"{folder} does not exist; it is the folder of the projects",
                hint="create it with an empty __init__.py",
            )
        return folder

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The definitions that `[tool.dg.project]` names.

        Raises
        ------
        ProjectError
            When they can't be loaded; the message names file, line and setting as far as known.
        """
        module = self.module
        if str(self.import_root) not in sys.path:
            sys.path.insert(0, str(self.import_root))
        try:
            loaded = importlib.import_module(module).defs
            definitions: dg.Definitions = loaded() if callable(loaded) else loaded
            _ = definitions.resolve_asset_graph().toposorted_asset_keys_by_level  # fails on a circle
        except Exception as error:  # user code may raise anything
            subject = f"the definitions in {module} can't be loaded"
            raise translate_definition_error(
                error, subject, self.import_root / module.partition(".")[0]
            ) from error
        return definitions

    @cached_property
    def groups(self) -> dict[str, set[AssetKey]]:
        """The assets of each project."""
        groups: dict[str, set[AssetKey]] = {}
        for spec in self.definitions.resolve_all_asset_specs():
            if spec.tags.get("project") == spec.group_name and spec.group_name:
                groups.setdefault(spec.group_name, set()).add(spec.key)
        return groups

    def project(self, name: str) -> set[AssetKey]:
        """Return the assets of a project."""
        if name not in self.groups:
            hint = suggest_name(name, self.groups) if self.groups else "create it: mlops new NAME"
            raise ProjectError(f"there is no project {name}", hint=hint)
        return self.groups[name]

    def select(self, project: str, until: str | None) -> set[AssetKey]:
        """Return the assets of a project; with `until`, that asset and everything upstream of it."""
        keys = self.project(project)
        if until is None:
            return keys
        by_name = {"/".join(key.path[1:]): key for key in keys}
        if until not in by_name:
            raise ProjectError(f"{project} has no asset {until}", hint=suggest_name(until, by_name))
        selection = dg.AssetSelection.assets(by_name[until]).upstream().required_multi_asset_neighbors()
        return set(selection.resolve(self.definitions.resolve_asset_graph())) & keys

    def repeated_job(self, keys: frozenset[AssetKey]) -> "RepeatedJob":
        """Return the job of some assets, for runs in this process; the same for the same assets."""
        from mlops_assets.compat.dagster_runs import RepeatedJob

        if keys not in self._jobs:
            job = self.definitions.resolve_implicit_global_asset_job_def()
            self._jobs[keys] = RepeatedJob(job, sorted(keys))
        return self._jobs[keys]

    @cached_property
    def _jobs(self) -> "dict[frozenset[AssetKey], RepeatedJob]":
        return {}

    def downstream(self, keys: set[AssetKey]) -> set[AssetKey]:
        """Return assets and everything downstream of them, in all projects."""
        graph = self.definitions.resolve_asset_graph()
        return set(dg.AssetSelection.assets(*keys).downstream().resolve(graph)) if keys else set()

    def steps(self, keys: set[AssetKey]) -> dict[str, list[AssetKey]]:
        """Return the steps that materialize assets, in topological order."""
        graph = self.definitions.resolve_asset_graph()
        steps: dict[str, list[AssetKey]] = {}
        for level in graph.toposorted_asset_keys_by_level:
            for key in level:
                if key in keys:
                    op = graph.get(key).assets_def.op.name
                    steps.setdefault(op, []).append(key)
        return steps

    def metadata(self, project: str, name: str) -> Mapping[str, Any]:
        """Return the declared metadata of the project's asset that has an entry of this name."""
        keys = self.project(project)
        specs = self.definitions.resolve_all_asset_specs()
        return next(spec.metadata for spec in specs if spec.key in keys and name in spec.metadata)

    def declared(self, key: Sequence[str], name: str, *, default: Any) -> Any:
        """Return an entry of an asset's declared metadata; the default if asset or entry is missing."""
        wanted = AssetKey(list(key))
        specs = (spec for spec in self.definitions.resolve_all_asset_specs() if spec.key == wanted)
        found = next((spec.metadata[name] for spec in specs if name in spec.metadata), None)
        return default if found is None else getattr(found, "value", found)

    def timeline(self, project: str) -> Timeline | None:
        """Return the timeline of an event project; None for a project without partitions."""
        keys = self.project(project)
        for spec in self.definitions.resolve_all_asset_specs():
            if spec.key in keys and TIMELINE in spec.metadata:
                declared = dict(spec.metadata[TIMELINE].value)
                return Timeline(Periods(**declared.pop("periods")), **declared)
        return None

    def event_timeline(self, project: str) -> Timeline:
        """Return the timeline of an event project.

        Raises
        ------
        ProjectError
            When the project has no partitions.
        """
        timeline = self.timeline(project)
        if timeline is None:
            raise ProjectError(
                f"{project} has no partitions",
                hint="declare `partitions` in its defs.yaml, or run it with `mlops run`",
            )
        return timeline

    @property
    def tracking(self) -> "TrackingStore":
        """The tracking store of the definitions; by default the one in the state directory.

        Raises
        ------
        StoreError
            When the state directory has another layout.
        """
        self.state.require_layout().create()
        return self.tracking_resource.store

    @property
    def tracking_uri(self) -> str:
        """URI of the tracking store."""
        return self.tracking_resource.mlflow_tracking_uri

    @property
    def tracking_resource(self) -> MlflowTracking:
        """The resource of the tracking store."""
        found: Any = {**resources(self.state), **(self.definitions.resources or {})}["mlflow"]
        return cast(MlflowTracking, found)

    def use_dagster_home(self) -> Path:
        """Set `DAGSTER_HOME` to an instance whose storage is in the state directory.

        A `DAGSTER_HOME` other than the project root is kept: the user has chosen that instance. Otherwise
        `dagster.yaml` is rendered with absolute paths, so that every working directory shares the same runs.
        """
        chosen = os.environ.get("DAGSTER_HOME")
        home = self.state.dagster
        if STATE_DIR_VARIABLE in os.environ:
            # Child processes may have another working directory, so the path must be absolute.
            os.environ[STATE_DIR_VARIABLE] = str(self.state.root)
        if chosen and Path(chosen).absolute() not in (self.root, home):
            return Path(chosen)
        home.mkdir(parents=True, exist_ok=True)
        rendered = yaml.safe_dump(self.instance_settings(), sort_keys=False)
        target = home / "dagster.yaml"
        if not target.is_file() or target.read_bytes() != rendered.encode():
            partial = target.with_suffix(f".{os.getpid()}")
            partial.write_text(rendered, "utf-8")
            partial.replace(target)
        os.environ["DAGSTER_HOME"] = str(home)
        return home

    def instance_settings(self) -> dict[str, Any]:
        """Return the project's `dagster.yaml`, with the actual state directory instead of the default.

        Raises
        ------
        StoreError
            When it contains a secret. Dagster passes its settings to its servers in their command lines,
            which other users can read; of `{env: NAME}`, it passes the name.
        """
        declared = self.root / "dagster.yaml"
        settings = read_settings(declared) if declared.is_file() else {}
        if secrets := list(literal_secrets(settings)):
            raise StoreError(
                f"{declared}: {secrets[0]} contains a password or token",
                hint="write {env: NAME} instead, the name of an environment variable that holds the value",
            )
        default = "data/state/"

        def move(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: move(item) for name, item in value.items()}
            if isinstance(value, str) and value.startswith(default):
                return str(self.state.root / value.removeprefix(default))
            return value

        moved: dict[str, Any] = move(settings)
        return {**default_settings(self.state.dagster, moved), **moved}

    @contextmanager
    def instance(self) -> Iterator[DagsterInstance]:
        """Open the Dagster instance that the UI shows.

        Raises
        ------
        StoreError
            When the state directory or the instance can't be opened.
        """
        self.state.open()
        with usable_instance(self._open_instance, self.state.dagster) as instance:
            yield instance

    def _open_instance(self) -> DagsterInstance:
        """Open the instance; only one process at a time creates its databases.

        Each storage creates its database on first use. Two processes that do so at once would leave a
        database that Dagster can't open.
        """
        self.state.locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self.state.locks / "dagster_instance"):
            self.use_dagster_home()
            instance = DagsterInstance.get()
            _ = instance.run_storage, instance.event_log_storage, instance.schedule_storage
            return instance
