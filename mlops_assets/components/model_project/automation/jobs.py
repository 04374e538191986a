"""The jobs of a project: one for each purpose."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import job_names, names

if TYPE_CHECKING:
    from mlops_assets.compat.dagster import UnresolvedAssetJobDefinition

    Jobs = list[UnresolvedAssetJobDefinition]

MODEL_ASSETS = (names.TRAINING_SET, names.TUNED_MODEL, names.EVALUATION_REPORT)
REGISTRY_ASSETS = (names.REGISTERED_MODEL, names.CHAMPION)


def project_jobs(project: Project) -> "Jobs":
    """The project's jobs, such as `<project>_ingest`."""
    words = [_word(project, word, description) for word, description in _WORDS.items()]
    if project.timeline is None:
        return [
            _ingest(project),
            _train(project, "Split, search, evaluate, register, and promote what deserves it."),
            *words,
        ]
    cutoff = "of a cut-off, judged by the newest partition that was labelled then"
    return [
        _ingest(project),
        _job(
            project,
            job_names.LABEL,
            [names.TARGET],
            "The target of a partition, once its horizon has arrived.",
        ),
        _train(project, f"The model {cutoff}: search, evaluate, register, and promote what deserves it."),
        _job(project, job_names.SCORE, [names.PREDICTIONS], "The champion's predictions of a partition."),
        _job(
            project,
            job_names.BACKTEST,
            MODEL_ASSETS,
            f"The model {cutoff}, evaluated and never registered: launch it for many cut-offs to walk "
            "forward.",
        ),
        *words,
    ]


_WORDS = {
    "approve": "A version that waits becomes champion; give a reason.",
    "reject": "A version that waits never becomes champion; give a reason.",
    "rollback": "The champion before this one serves again, or the version that is named; give a reason.",
    "retire": "The champion serves no more, and nobody instead; give a reason.",
    "adopt": "The ledger was lost: a new one begins with the champion that MLflow has; give a reason.",
}
"""What people may say of the champion."""


def _word(project: Project, word: str, description: str) -> "UnresolvedAssetJobDefinition":
    key = project.key(names.CHAMPION)
    config = {"ops": {names.op_name(*key.path): {"config": {"word": word, "reason": "", "actor": ""}}}}
    return dg.define_asset_job(
        job_names.job_name(project.name, word),
        dg.AssetSelection.assets(key),
        description=description,
        config=config,
    )


def ingested(project: Project) -> dg.AssetSelection:
    """What the ingest job makes: raw, validated and quarantined rows, and features."""
    return dg.AssetSelection.assets(
        *(project.table_key(layer, table) for table in _tables(project) for layer in names.TABLE_LAYERS),
        project.key(names.FEATURES),
    )


def _tables(project: Project) -> list[str]:
    """The tables of a partition; those without time are ingested by their sensor, or by hand."""
    return project.event_tables if project.timeline else [project.table]


def _ingest(project: Project) -> "UnresolvedAssetJobDefinition":
    what = "Read the source" if project.timeline is None else "Read what arrived for a partition"
    return dg.define_asset_job(
        job_names.job_name(project.name, job_names.INGEST),
        ingested(project),
        description=f"{what}, keep or quarantine each row, and compute features.",
    )


def _train(project: Project, description: str) -> "UnresolvedAssetJobDefinition":
    return _job(project, job_names.TRAIN, (*MODEL_ASSETS, *REGISTRY_ASSETS), description)


def _job(
    project: Project, purpose: str, assets: "tuple[str, ...] | list[str]", description: str
) -> "UnresolvedAssetJobDefinition":
    selection = dg.AssetSelection.assets(*(project.key(name) for name in assets))
    return dg.define_asset_job(job_names.job_name(project.name, purpose), selection, description=description)
