"""A project that is split over time, with an expression as its target: from rows to the next holdout."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mlops_assets.components.model_project.evaluation.unseen_rows import rows_unseen_by
from mlops_assets.core import names
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, materialize, materialized
from mlops_assets_tests.support.loans import SCHEMA as LOANS_SCHEMA
from mlops_assets_tests.support.loans import loans

SCHEMA = LOANS_SCHEMA.split("class Features")[0].replace(
    "income: float", "granted: pa.Date\n    delay: float = pa.Field(nullable=True)\n    income: float", 1
)
DECLARED = {
    "target": {"column": "is_late", "expression": "delay > 0 and outcome = 'late'"},
    "split": {"method": "time", "column": "granted"},
    "tuning": {"trials": 1, "folds": 2, "threads": 1, "families": ["linear"]},
    "evaluation": {"learning_curve": True},
}


def dated(rows: int) -> pd.DataFrame:
    """Loans of consecutive days, five a day; late ones have a delay, and some delays are unknown."""
    frame = loans(rows)
    frame["granted"] = (pd.Timestamp("2025-01-01") + pd.to_timedelta(frame.index // 5, "D")).date
    frame["delay"] = (frame["outcome"] == "late") * 3.0
    frame.loc[frame.index % 100 == 7, "delay"] = None
    return frame


def test_a_project_is_trained_evaluated_and_compared_over_time(
    make_project, write_loans, stores, instance, tracking, warehouse
):
    project = make_project(schema=SCHEMA, **DECLARED)
    data = [build(project) for build in LOAN_DATA]
    write_loans(dated(600))
    result = materialize([*data, *(build(project) for build in LOAN_MODEL[:2])], stores, instance)
    assert result.success
    assert materialized(result, names.TRAINING_SET)["rows_without_target"].value == 2
    text = "tested on 2025-04-07 to 2025-04-30, trained on 2025-01-01 to 2025-04-06, by granted"
    report = materialized(result, names.EVALUATION_REPORT)
    assert report["split"].value == text
    page = Path(str(report["report"].value)).read_text("utf-8")
    assert f"Holdout: {text}." in page
    assert "Counted up to the cut-off" not in page
    assert "on the latest training rows" in page
    before = tracking.trained_model(project.name, dagster_run_id=result.run_id)
    model = tracking.load(before)
    assert [column.name for column in model.spec.columns] == ["granted", "income", "amount", "purpose"]
    assert model.spec.classes == (False, True)
    assert before.facts["target_expression"] == "delay > 0 and outcome = 'late'"

    write_loans(dated(900))
    assert materialize(data, stores, instance).success
    table = project.key(names.TRAINING_SET).path
    [latest, *_] = warehouse.versions(table)
    later = {"training_set_version": str(latest.version), "training_set_digest": warehouse.digest(table)}
    challenger = replace(before, facts={**before.facts, **later, "inputs": json.dumps(latest.inputs)})
    rows = rows_unseen_by(project, warehouse, challenger, before)
    assert len(rows) == 179, "the latest 20 % of 898 rows with a target"
    assert pd.Timestamp(rows["granted"].min()) == pd.Timestamp("2025-05-25")
    assert rows["is_late"].tolist() == ((rows["delay"] > 0) & (rows["outcome"] == "late")).tolist()
