"""What a model was made with, kept so that it can be made again: code, environment, seeds, files."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.files import FEATURES_SQL, PIPELINE, SCHEMA, TARGET_SQL
from mlops_assets.components.model_project.project.metadata_names import (
    ENVIRONMENT,
    FIT,
    PIPELINE_DIGEST,
    SERVING_PERIODS,
)
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.text_diff import unified_diff

if TYPE_CHECKING:
    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.model.refit_comparison import Difference
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore

SETTINGS = "settings.json"
_FILES = (SCHEMA, FEATURES_SQL, TARGET_SQL, PIPELINE)
COMMIT, FOLDER, CLEAN = "git_commit", "git_folder", "git_clean"
"""Names of facts."""
_ROLES = ("model", "serving")


def record_provenance(
    project: Project,
    shared: "Settings",
    tracking: "TrackingStore",
    run_id: str,
    facts: Mapping[str, str],
) -> dict[str, str]:
    """Keep the project's files with the run; returns more facts of it.

    Parameters
    ----------
    shared
        What the fits shared.
    facts
        Those that are known, among them the addresses of the models that were logged.
    """
    from mlops_assets.ml.model.artifact import manifest_digest
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
    if "serving_uri" in facts:
        more[SERVING_PERIODS] = json.dumps(project.time.labelled_periods(facts["cutoff"]))
    if checkout := checkout_of(project.files.folder):
        more |= {COMMIT: checkout.commit, FOLDER: checkout.path, CLEAN: json.dumps(checkout.clean)}
    return more


def current_texts(project: Project) -> dict[str, str]:
    """The files that shape a model, and the settings that do, by their names; sources are left out, because
    their addresses may hold secrets.
    """
    settings = project.settings
    shaping = {
        "task": settings.task,
        "entity": settings.entity,
        "target": settings.target.model_dump(mode="json"),
        "split": settings.split.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json"),
        "tuning": settings.tuning.model_dump(mode="json"),
    }
    files = {name: project.files.text(name) for name in _FILES if project.files.has(name)}
    return {**files, SETTINGS: json.dumps(shaping, indent=2, sort_keys=True) + "\n"}


def changed_since(project: Project, tracking: "TrackingStore", version: "Version") -> "Iterator[Difference]":
    """What is not as it was when a version was trained: `pipeline.py`, settings, environment."""
    from mlops_assets.ml.model.refit_comparison import Difference
    from mlops_assets.stores.tracking.version_diff import recorded_code

    if names.CODE_DIGESTS not in version.facts:
        yield Difference(
            "record",
            f"version {version.version} does not tell its code and environment: it was trained before "
            "mlops_assets recorded them",
        )
        return
    before, now = recorded_code(tracking, version)[0], current_texts(project)
    if version.facts[PIPELINE_DIGEST] != project.files.version(PIPELINE):
        yield _changed_pipeline(project, version, before, now)
    if SETTINGS in before and before[SETTINGS] != now[SETTINGS]:
        yield Difference(
            "settings",
            "defs.yaml says otherwise than it did; the version was fitted again with what it recorded",
            _diff(SETTINGS, before, now, version),
        )
    yield from _changed_environment(version)


def _changed_environment(version: "Version") -> "Iterator[Difference]":
    from mlops_assets.ml.model.refit_comparison import Difference
    from mlops_assets.ml.model.runtime_environment import environment_changes, runtime_environment

    recorded = json.loads(version.facts[ENVIRONMENT])
    found = environment_changes(recorded, runtime_environment())
    if found:
        told = ", ".join(f"{name} {then}, now {now}" for name, (then, now) in found.items())
        pinned = " ".join(
            f"{name}=={then}" for name, (then, _) in found.items() if name not in ("python", "system")
        )
        hint = f"install what it was trained with: pip install {pinned}" if pinned else ""
        yield Difference("environment", told, hint=hint)


def _changed_pipeline(
    project: Project, version: "Version", before: Mapping[str, str], now: Mapping[str, str]
) -> "Difference":
    from mlops_assets.ml.model.refit_comparison import Difference

    recorded = json.loads(version.facts[names.CODE_DIGESTS])
    facts, told = version.facts, f"{PIPELINE} is not the one that version {version.version} was trained with"
    if PIPELINE in recorded and PIPELINE not in before:
        return Difference(
            PIPELINE,
            f"{told}; the copy in MLflow run {version.run_id} is missing or was changed, and is not shown",
            hint=_way_back(project, facts),
        )
    return Difference(PIPELINE, told, _diff(PIPELINE, before, now, version), _way_back(project, facts))


def _diff(name: str, before: Mapping[str, str], now: Mapping[str, str], version: "Version") -> str:
    was = f"version {version.version}"
    return unified_diff(before.get(name, ""), now.get(name, ""), name=name, was=was, now="now")


def _way_back(project: Project, facts: Mapping[str, str]) -> str:
    """How the folder comes to be what it was; code from the store is for a person to read."""
    if COMMIT not in facts:
        return f"undo the change in {project.files.folder / PIPELINE}; it was trained outside a git checkout"
    path = "/".join(filter(None, [facts[FOLDER], PIPELINE]))
    if json.loads(facts[CLEAN]):
        return f"git checkout {facts[COMMIT][:12]} -- {path}"
    commit = facts[COMMIT][:12]
    return f"it was trained on commit {commit} with changes that were not committed: undo the diff"


def _digest(name: str, text: str) -> str:
    """As `ProjectFiles.version` makes it of one file."""
    return text_digest(name, text)
