"""The provenance of a model: code, settings, environment and seeds, recorded so that it can be reproduced."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.project.metadata_names import (
    ENVIRONMENT,
    FIT,
    PIPELINE_DIGEST,
    SERVING_PERIODS,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.base import recorded
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.text.text_diff import unified_diff
from mlops_assets.stores.project_folder.files import FEATURES_SQL, PIPELINE, SCHEMA, TARGET_SQL
from mlops_assets.stores.tracking.trained_model import is_refitted

if TYPE_CHECKING:
    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.model.refit_comparison import Difference
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore

SETTINGS = "settings.json"
_FILES = (SCHEMA, FEATURES_SQL, TARGET_SQL, PIPELINE)
COMMIT, FOLDER, CLEAN = "git_commit", "git_folder", "git_clean"
"""Tags of a run: commit, folder in the repository, whether the working tree was clean."""
_ROLES = ("model", "serving")


def record_provenance(
    project: Project,
    shared: "Settings",
    tracking: "TrackingStore",
    run_id: str,
    facts: Mapping[str, str],
) -> dict[str, str]:
    """Log the files of the project with the run.

    Parameters
    ----------
    shared
        Settings of all fits of the search.
    facts
        Known facts of the run, among them the URIs of the logged models.

    Returns
    -------
    Further facts of the run.
    """
    from mlops_assets.ml.model.manifest import manifest_digest
    from mlops_assets.ml.model.runtime_environment import runtime_environment
    from mlops_assets.stores.system.git_commit import checkout_of
    from mlops_assets.stores.tracking.run_artifacts import write_texts

    texts = current_texts(project)
    write_texts(tracking, run_id, names.CODE, texts)
    more = {
        PIPELINE_DIGEST: project.files.version(PIPELINE),
        names.CODE_DIGESTS: json.dumps({name: _digest(name, text) for name, text in texts.items()}),
        ENVIRONMENT: json.dumps(runtime_environment()),
        FIT: json.dumps({"seed": shared.seed, "threads": shared.threads, "device": shared.device}),
    }
    for role in _ROLES:
        if uri := facts.get(f"{role}_uri"):
            with tracking.files(uri) as folder:
                more[f"{role}_manifest"] = manifest_digest(folder)
    if is_refitted(facts) and project.timeline:
        more[SERVING_PERIODS] = json.dumps(project.time.labelled_periods(facts["cutoff"]))
    if checkout := checkout_of(project.files.folder):
        more |= {COMMIT: checkout.commit, FOLDER: checkout.path, CLEAN: json.dumps(checkout.clean)}
    return more


def current_texts(project: Project) -> dict[str, str]:
    """Files and settings that determine a model, by name. Sources are left out: URLs may contain secrets."""
    settings = project.settings
    # A static project without a refit has always recorded the default of event projects.
    refit = True if settings.training.refit is None else settings.training.refit
    shaping: dict[str, Any] = {
        "task": settings.task,
        "entity": settings.entity,
        "target": recorded(settings.target, mode="json"),
        "split": settings.split.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json") | {"refit": refit},
        "tuning": recorded(settings.tuning, mode="json"),
        **({"fairness": settings.fairness.model_dump(mode="json")} if settings.fairness else {}),
    }
    more: dict[str, Any] = {"weight": settings.weight, "monotone": settings.monotone}
    shaping |= {name: value for name, value in more.items() if value}
    files = {name: project.files.text(name) for name in _FILES if project.files.has(name)}
    return {**files, SETTINGS: json.dumps(shaping, indent=2, sort_keys=True) + "\n"}


def changed_since(project: Project, tracking: "TrackingStore", version: "Version") -> "Iterator[Difference]":
    """Differences from the time when a version was trained: `pipeline.py`, settings, environment."""
    from mlops_assets.ml.model.refit_comparison import Difference
    from mlops_assets.stores.tracking.version_diff import recorded_code

    if names.CODE_DIGESTS not in version.facts:
        yield Difference(
            "record",
            f"code and environment of version {version.version} are unknown: it was trained before they were "
            "recorded",
        )
        return
    before, now = recorded_code(tracking, version)[0], current_texts(project)
    if version.facts[PIPELINE_DIGEST] != project.files.version(PIPELINE):
        yield _changed_pipeline(project, version, before, now)
    if SETTINGS in before and before[SETTINGS] != now[SETTINGS]:
        yield Difference(
            "settings",
            "defs.yaml has changed; the version was refitted with the recorded settings",
            _diff(SETTINGS, before, now, version),
        )
    yield from _changed_environment(version)


def _changed_environment(version: "Version") -> "Iterator[Difference]":
    from mlops_assets.ml.model.refit_comparison import Difference
    from mlops_assets.ml.model.runtime_environment import environment_changes, runtime_environment

    recorded = json.loads(version.facts[ENVIRONMENT])
    found = environment_changes(recorded, runtime_environment())
    if found:
        changed = ", ".join(f"{name} {then}, now {now}" for name, (then, now) in found.items())
        pinned = " ".join(
            f"{name}=={then}" for name, (then, _) in found.items() if name not in ("python", "system")
        )
        hint = f"install the recorded versions: pip install {pinned}" if pinned else ""
        yield Difference("environment", changed, hint=hint)


def _changed_pipeline(
    project: Project, version: "Version", before: Mapping[str, str], now: Mapping[str, str]
) -> "Difference":
    from mlops_assets.ml.model.refit_comparison import Difference

    recorded = json.loads(version.facts[names.CODE_DIGESTS])
    facts, changed = version.facts, f"{PIPELINE} has changed since version {version.version} was trained"
    if PIPELINE in recorded and PIPELINE not in before:
        return Difference(
            PIPELINE,
            f"{changed}; the copy in MLflow run {version.run_id} is missing or was changed, and is not shown",
            hint=_restore_hint(project, facts),
        )
    return Difference(PIPELINE, changed, _diff(PIPELINE, before, now, version), _restore_hint(project, facts))


def _diff(name: str, before: Mapping[str, str], now: Mapping[str, str], version: "Version") -> str:
    was = f"version {version.version}"
    return unified_diff(before.get(name, ""), now.get(name, ""), name=name, was=was, now="now")


def _restore_hint(project: Project, facts: Mapping[str, str]) -> str:
    """How to restore the file. Code from the tracking store is shown, and never executed."""
    if COMMIT not in facts:
        return f"undo the change in {project.files.folder / PIPELINE}; it was not trained in a git repository"
    path = "/".join(filter(None, [facts[FOLDER], PIPELINE]))
    if json.loads(facts[CLEAN]):
        return f"git checkout {facts[COMMIT][:12]} -- {path}"
    commit = facts[COMMIT][:12]
    return f"it was trained on commit {commit} with uncommitted changes: undo the diff"


def _digest(name: str, text: str) -> str:
    """As `ProjectFiles.version` makes it of one file."""
    return text_digest(name, text)
