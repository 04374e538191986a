"""Running a project's graph in this process, and what came of it.

Holds: which assets are stale, the run config of a run's arguments, and the run itself.
Add here: another way to choose or run assets from outside Dagster.
Not here: where it runs (`workplace.py`), and what is printed (`console.py`).
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import AssetKey, DagsterInstance

from mlops_assets import names
from mlops_assets.components.model_project.raw import FINGERPRINT, SOURCE
from mlops_assets.components.model_project.tuned_model import TRIALS
from mlops_assets.workplace import Workplace

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse import Warehouse

POLL_SECONDS = 0.25
DATA_VERSION, CODE_VERSION, INPUT_VERSION = (
    "dagster/data_version",
    "dagster/code_version",
    "dagster/input_data_version/",
)


def stale_assets(
    definitions: dg.Definitions,
    instance: DagsterInstance,
    keys: set[AssetKey],
    expected: Mapping[AssetKey, Mapping[str, Any]],
    tables: "Warehouse",
) -> set[AssetKey]:
    """The assets that a run would change: missing, of other code, of other inputs or of other settings.

    An asset whose step failed after it was materialized, such as by a blocking check, is stale too: what
    depends on it must not run without it.

    Parameters
    ----------
    expected
        Metadata that an asset's last materialization must have to be up to date.
    """
    graph = definitions.resolve_asset_graph()
    events = {key: instance.get_latest_materialization_event(key) for key in keys}
    known = {
        key: event.asset_materialization
        for key, event in events.items()
        if event and event.asset_materialization
    }
    tags = {key: materialization.tags or {} for key, materialization in known.items()}
    succeeded = _succeeded_steps(instance, {event.run_id for event in events.values() if event})
    stale: set[AssetKey] = set()
    for key in (key for level in graph.toposorted_asset_keys_by_level for key in level if key in keys):
        event = events[key]
        if key not in known or event is None or (event.run_id, event.step_key) not in succeeded:
            stale.add(key)
            continue
        node = graph.get(key)
        seen = {parent: tags[key].get(INPUT_VERSION + parent.to_user_string()) for parent in node.parent_keys}
        now = {parent: tags.get(parent, {}).get(DATA_VERSION) for parent in node.parent_keys}
        metadata = {name: value.value for name, value in known[key].metadata.items()}
        if (
            tags[key].get(CODE_VERSION) != node.code_version
            or seen != now
            or any(parent in stale for parent in node.parent_keys)
            or any(metadata.get(name) != value for name, value in expected.get(key, {}).items())
            or ("table_version" in metadata and not tables.exists(key.path))
        ):
            stale.add(key)
    # A step makes all of its assets or none.
    return {key for name in stale for key in graph.get(name).execution_set_asset_keys} & keys


def _succeeded_steps(instance: DagsterInstance, run_ids: set[str]) -> set[tuple[str, str | None]]:
    """The steps of runs that ended well, their blocking checks included."""
    return {
        (run_id, entry.step_key)
        for run_id in run_ids
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
    }


def expected_metadata(
    workplace: Workplace, keys: set[AssetKey], *, source: Path | None, trials: int | None
) -> dict[AssetKey, dict[str, Any]]:
    """What materializations of a run with these arguments would tell: the source's content, the trials."""
    from mlops_assets.components.model_project.raw import fingerprint
    from mlops_assets.stores.sources import find_files

    expected: dict[AssetKey, dict[str, Any]] = {}
    for spec in workplace.definitions.resolve_all_asset_specs():
        if spec.key in keys and SOURCE in spec.metadata:
            place = workplace.root / (source or Path(spec.metadata[SOURCE]).expanduser())
            files = find_files(place, subject=f"{spec.key.path[0]}: table {spec.key.path[-1]}")
            expected[spec.key] = {FINGERPRINT: fingerprint([file.sha256 for file in files])}
        if spec.key in keys and TRIALS in spec.metadata:
            expected[spec.key] = {TRIALS: trials or spec.metadata[TRIALS]}
    return expected


def run_config(
    keys: set[AssetKey], *, source: Path | None, trials: int | None, debug: bool
) -> dict[str, Any]:
    """Run config for the arguments of a run."""
    ops: dict[str, Any] = {}
    for key in keys:
        if source and key.path[1] == names.RAW:
            ops[names.op_name(*key.path)] = {"config": {"source": str(source)}}
        if trials and key.path[1] == names.TUNED_MODEL:
            ops[names.op_name(*key.path)] = {"config": {"trials": trials}}
    level = "DEBUG" if debug else "CRITICAL"
    return {"ops": ops, "loggers": {"console": {"config": {"log_level": level}}}}


def run_assets(
    workplace: Workplace,
    instance: DagsterInstance,
    keys: set[AssetKey],
    config: Mapping[str, Any],
    on_event: Callable[[dg.EventLogEntry], None],
) -> dg.ExecuteInProcessResult:
    """Materialize assets in this process, as one Dagster run of the instance.

    Parameters
    ----------
    on_event
        Called with each entry of the run's event log, soon after it was written.
    """
    from dagster._core.utils import make_new_run_id

    run_id = make_new_run_id()
    job = workplace.definitions.resolve_implicit_global_asset_job_def()
    done = Event()
    follower = Thread(target=_follow, args=(instance, run_id, on_event, done), daemon=True)
    follower.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            return job.execute_in_process(
                run_config=dict(config),
                instance=instance,
                asset_selection=sorted(keys),
                run_id=run_id,
                raise_on_error=False,
                tags={"mlops/command": "run"},
            )
    finally:
        done.set()
        follower.join()


def _follow(
    instance: DagsterInstance, run_id: str, on_event: Callable[[dg.EventLogEntry], None], done: Event
) -> None:
    """Hand over the run's events as they come, and the last ones after it is done."""
    cursor: str | None = None
    finished = False
    while not finished:
        finished = done.wait(POLL_SECONDS)
        more = True
        while more:
            page = instance.get_records_for_run(run_id, cursor=cursor)
            for record in page.records:
                on_event(record.event_log_entry)
            more, cursor = page.has_more, page.cursor
