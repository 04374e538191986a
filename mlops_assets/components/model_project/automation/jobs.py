"""Jobs of a project, such as `<project>_ingest` and `<project>_train`."""

from collections.abc import Mapping
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
    """Jobs for ingestion, labels, training, scoring, backtests and manual decisions."""
    decisions = [_decision(project, name, description) for name, description in _DECISIONS.items()]
    if project.timeline is None:
        return [
            _ingest(project),
            _train(project, "Split, search, evaluate, register, and promote if all gates pass."),
            *(
                [_job(project, job_names.SCORE, [names.PREDICTIONS], f"Predict {_rows_to_predict(project)}.")]
                if project.scored_key
                else []
            ),
            *decisions,
        ]
    cutoff = "Model of a cut-off, evaluated on the newest partition that is labelled then"
    return [
        _ingest(project),
        _job(
            project,
            job_names.LABEL,
            [names.TARGET],
            "Compute the target of a partition whose horizon has arrived.",
        ),
        _train(project, f"{cutoff}: search, evaluate, register, and promote if all gates pass."),
        _job(project, job_names.SCORE, [names.PREDICTIONS], "Predict a partition with the champion."),
        _job(
            project,
            job_names.BACKTEST,
            MODEL_ASSETS,
            f"{cutoff}, without registration: launch it for many cut-offs to backtest.",
            tags={job_names.PURPOSE_TAG: job_names.BACKTEST},
        ),
        *decisions,
    ]


_DECISIONS = {
    "approve": "Promote a version that is pending approval; requires a reason.",
    "reject": "Reject a version that is pending approval; requires a reason.",
    "rollback": "Promote the previous champion, or the named version, again; requires a reason.",
    "retire": "Remove the champion without a successor; requires a reason.",
    "adopt": "Start a new ledger with the champion in MLflow, after the ledger was lost; requires a reason.",
    "challenge": "Let a version shadow the champion in the HTTP service, or take a share of its traffic; "
    "requires a reason.",
    "withdraw": "Withdraw the challenger of the champion; requires a reason.",
}
"""Manual decisions about the champion and its challenger."""


def _decision(project: Project, decision: str, description: str) -> "UnresolvedAssetJobDefinition":
    key = project.key(names.CHAMPION)
    config = {
        "ops": {names.op_name(*key.path): {"config": {"decision": decision, "reason": "", "actor": ""}}}
    }
    return dg.define_asset_job(
        job_names.job_name(project.name, decision),
        dg.AssetSelection.assets(key),
        description=description,
        config=config,
    )


def ingested(project: Project) -> dg.AssetSelection:
    """Assets of the ingest job: raw, validated and quarantined rows, and features."""
    return dg.AssetSelection.assets(
        *(project.table_key(layer, table) for table in _tables(project) for layer in names.TABLE_LAYERS),
        project.key(names.FEATURES),
    )


def _rows_to_predict(project: Project) -> str:
    partitioned = project.periods_of(names.SCORING) is not None
    return "a partition of the rows of `scoring`" if partitioned else "the rows of `scoring`"


def _tables(project: Project) -> list[str]:
    """Tables that the job ingests; sensors ingest the static tables of event projects."""
    return project.event_tables if project.timeline else [project.table]


def _ingest(project: Project) -> "UnresolvedAssetJobDefinition":
    what = "Read the source" if project.timeline is None else "Read the arrivals of a partition"
    return dg.define_asset_job(
        job_names.job_name(project.name, job_names.INGEST),
        ingested(project),
        description=f"{what}, validate or quarantine each row, and compute features.",
    )


def _train(project: Project, description: str) -> "UnresolvedAssetJobDefinition":
    return _job(project, job_names.TRAIN, (*MODEL_ASSETS, *REGISTRY_ASSETS), description)


def _job(
    project: Project,
    purpose: str,
    assets: "tuple[str, ...] | list[str]",
    description: str,
    *,
    tags: Mapping[str, str] | None = None,
) -> "UnresolvedAssetJobDefinition":
    selection = dg.AssetSelection.assets(*(project.key(name) for name in assets))
    name = job_names.job_name(project.name, purpose)
    return dg.define_asset_job(name, selection, description=description, tags=tags)
