"""The evaluated model compared with its baselines, the champion and the other families of the search."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.comparability import other_rows, other_target
from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.evaluation.unseen_rows import missing_features, rows_unseen_by
from mlops_assets.components.model_project.training.row_weights import row_weights

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.search.leaderboard import LeaderboardEntry
    from mlops_assets.stores.tracking.registry import RecordedVersion
    from mlops_assets.stores.tracking.tracking import TrackingStore

SPEED_ROWS = 10_000
"""Maximum number of rows for timing predictions."""


def compared_models(
    evaluated: EvaluatedModel,
    tracking: "TrackingStore",
    linear: "TabularModel",
    scores: Mapping[str, Mapping[str, float]],
) -> "list[LeaderboardEntry]":
    """This model, the champion and the baselines on the holdout, followed by the other models of the search.

    Parameters
    ----------
    linear
        The linear baseline.
    scores
        Every metric of the model and its baselines on the holdout.
    """
    from mlops_assets.ml.model.costs import artifact_bytes, folder_bytes
    from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, LINEAR_BASELINE, MODEL
    from mlops_assets.ml.search.leaderboard import (
        LEADERBOARD_FILE,
        LEADERBOARD_FOLDER,
        LeaderboardEntry,
        read_leaderboard,
    )

    features, of = evaluated.holdout.features, evaluated.metric
    with tracking.files(evaluated.trained.uri) as folder:
        ours = _measured(MODEL, evaluated.model, features, scores[MODEL][of], folder_bytes(folder))
    line = _measured(LINEAR_BASELINE, linear, features, scores[LINEAR_BASELINE][of], artifact_bytes(linear))
    constant = LeaderboardEntry(CONSTANT_BASELINE, "constant", holdout=scores[CONSTANT_BASELINE][of])
    champion = _champion(evaluated, tracking)
    tried = tracking.file_text(evaluated.trained.run_id, f"{LEADERBOARD_FOLDER}/{LEADERBOARD_FILE}")
    searched = {entry.name: entry for entry in read_leaderboard(tried)} if tried else {}
    winner, baseline = (searched.pop(name, None) for name in (ours.family, LINEAR_BASELINE))
    if winner and not baseline and ours.family == line.family:  # the winner is the baseline
        baseline = winner
    ours, line = _with_search(ours, winner), _with_search(line, baseline)
    return [ours, *([champion] if champion else []), line, constant, *searched.values()]


def _with_search(entry: "LeaderboardEntry", searched: "LeaderboardEntry | None") -> "LeaderboardEntry":
    """An entry with the score and the time to fit of the same model in the search."""
    if searched is None:
        return entry
    return replace(entry, score=searched.score, fit_seconds=searched.fit_seconds)


def _champion(evaluated: EvaluatedModel, tracking: "TrackingStore") -> "LeaderboardEntry | None":
    """The champion on the holdout rows that it was not trained on.

    None if there is no champion, or it is not comparable: a later cut-off, other features or classes, or too
    few such rows.
    """
    from mlops_assets.ml.evaluation.comparison_gates import MIN_COMMON_ROWS
    from mlops_assets.ml.model.costs import artifact_bytes
    from mlops_assets.ml.model.input_rows import InputError
    from mlops_assets.ml.search.training_data import encode_target

    project, before = evaluated.project, _other_champion(evaluated, tracking)
    if before is None:
        return None
    if other_rows(project, evaluated.trained, before):
        return None
    rows = rows_unseen_by(project, evaluated.warehouse, evaluated.trained, before)
    if len(rows) < MIN_COMMON_ROWS or missing_features(project, tracking, before, rows):
        return None
    champion, model = tracking.load(before.as_evaluated), evaluated.model
    if other_target(model.spec, champion.spec):
        return None
    target = project.settings.target.column
    truth = encode_target(rows[target], champion.spec.classes, subject=project.name)
    try:
        features = champion.compute_features(champion.as_sent(rows))
    except InputError:  # the gate `not_worse_than_champion` reports it
        return None
    theirs, ours = (
        evaluated.value_of(
            truth,
            each.predict_features(computed),
            threshold=each.decision_thresholds(computed),
            weights=row_weights(project, rows),
        )
        for each, computed in ((champion, features), (model, model.compute_features(model.as_sent(rows))))
    )
    note = f"on {len(rows):,} rows that neither was trained on; this model: {ours:.4g}"
    name = f"champion, version {before.version}"
    return _measured(name, champion, features, theirs, artifact_bytes(champion), note)


def _other_champion(evaluated: EvaluatedModel, tracking: "TrackingStore") -> "RecordedVersion | None":
    """The champion, if mlops_assets registered it, it is not this model, and its cut-off is not later."""
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.ledger import Ledger

    before, facts = tracking.registry.champion(evaluated.project.name), evaluated.trained.facts
    if before is None or before.run_id == evaluated.trained.run_id:
        return None
    if "training_set_digest" not in before.facts:
        return None
    if before.facts.get("cutoff", "") > facts.get("cutoff", ""):
        return None
    ledger = Ledger(evaluated.warehouse, evaluated.project.name)
    return ChampionLedger(ledger, tracking.registry).recorded(before)


def _measured(
    name: str, model: "TabularModel", features: "pd.DataFrame", holdout: float, size: int, note: str = ""
) -> "LeaderboardEntry":
    from mlops_assets.ml.model.costs import measure_speed
    from mlops_assets.ml.search.leaderboard import LeaderboardEntry

    speed = measure_speed(model.predict_features, features.iloc[:SPEED_ROWS])
    return LeaderboardEntry(
        name,
        model.spec.family,
        holdout=holdout,
        single_row_milliseconds=speed.single_row_milliseconds,
        batch_rows_per_second=speed.batch_rows_per_second,
        size_bytes=size,
        note=note,
    )
