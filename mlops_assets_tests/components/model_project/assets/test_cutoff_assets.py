"""A model of a cut-off, from its training set to its predictions, over real tables and a real MLflow
store.
"""

import math

import pandas as pd
import pytest

from mlops_assets.components.model_project.evaluation import unseen_rows
from mlops_assets.components.model_project.promotion import champion_comparison
from mlops_assets.core import names
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.shop import FEATURES_SQL, MODEL, MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH = MONTHS[:7]
TWO_MONTHS = {"target": {"column": "quiet", "horizon": 2}}


def sides(shop, cutoff):
    """The side of each period of a training set."""
    frame = shop.frame("training_set", cutoff)
    found = frame.groupby(names.PERIOD)[names.SPLIT].unique()
    assert all(len(side) == 1 for side in found)
    return {period: side[0] for period, side in found.items()}


def test_the_newest_labelled_month_judges_and_those_before_train(champion_shop):
    assert sides(champion_shop, FIFTH) == {FIRST: "train", SECOND: "train", THIRD: "train", FOURTH: "holdout"}
    told = champion_shop.metadata("training_set", FIFTH)
    assert told["in_words"] == "tested on 2024-04, trained on 2024-01 to 2024-03"
    frame = champion_shop.frame("training_set", FIFTH)
    labelled = pd.concat([champion_shop.frame("target", month) for month in MONTHS[:4]])
    assert len(frame) == len(labelled)
    assert frame["quiet"].mean() == pytest.approx(labelled["quiet"].mean())


def test_with_a_horizon_of_two_a_month_is_kept_out_and_a_window_forgets_the_oldest(shop):
    for month in (SIXTH, SEVENTH):
        shop.write(month)
        shop.ingest(month)
    settings = {**TWO_MONTHS, "training": {"window": 3}}
    shop.declare(settings=settings)
    for month in MONTHS[:5]:
        assert shop.daemon.run("shop/target", partition=month).success
    assert shop.daemon.run("shop/training_set", partition=SEVENTH).success
    assert sides(shop, SEVENTH) == {
        FIRST: "train",
        SECOND: "train",
        THIRD: "train",
        FOURTH: "embargo",
        FIFTH: "holdout",
    }
    labels = shop.daemon.run("shop/target", partition=SIXTH)
    assert "nothing has arrived for 2024-08" in failure_message(labels)


def test_rows_without_a_label_are_in_no_training_set(shop):
    shop.declare(
        target_sql="select customer, case when customer <> 'c001' then customer > 'c040' end::bigint as "
        "quiet "
        "from entities"
    )
    for month in MONTHS[:4]:
        assert shop.daemon.run("shop/target", partition=month).success
    assert shop.metadata("target", FIRST)["without_label"] == 1
    assert shop.daemon.run("shop/training_set", partition=FIFTH).success
    frame = shop.frame("training_set", FIFTH)
    assert "c001" not in set(frame["customer"])
    assert "c003" in set(frame["customer"])


def test_a_cutoff_without_a_label_to_judge_by_is_a_clear_error(shop):
    told = failure_message(shop.daemon.run("shop/training_set", partition=SIXTH))
    assert "shop: the holdout of cut-off 2024-06 is 2024-05, which has no target yet" in told
    assert "materialize shop/target for 2024-05 first" in told


def test_the_model_that_serves_is_fitted_on_all_labelled_months_and_judged_as_it_was(champion_shop):
    tracking = champion_shop.tracking
    version = tracking.registry.version("shop", 1)
    judged = version.as_evaluated
    assert version.facts["model_digest"] == version.facts["serving_digest"] != judged.facts["model_digest"]
    assert judged.facts["model_digest"] == champion_shop.metadata("tuned_model", FIFTH)["model_digest"]
    assert version.facts["cutoff"] == FIFTH
    served, as_evaluated = tracking.load(version), tracking.load(judged)
    assert served.spec == as_evaluated.spec, "the same search, features and classes"
    rows = champion_shop.frame("features", FIFTH)
    served_says, judged_says = (
        model.predict(rows)["probability"].to_numpy() for model in (served, as_evaluated)
    )
    assert abs(served_says - judged_says).max() > 1e-6
    assert champion_shop.frame("predictions", FIFTH)["probability"].to_numpy() == pytest.approx(served_says)
    report = champion_shop.metadata("evaluation_report", FIFTH)
    assert float(version.facts["test_log_loss"]) == pytest.approx(report["test_log_loss"], rel=1e-4)


def test_without_refitting_the_model_that_is_judged_is_the_one_that_serves(shop):
    shop.declare(settings={"training": {"refit": False}})
    assert shop.train(FIFTH).success
    version = shop.tracking.registry.version("shop", 1)
    assert version.as_evaluated == version
    assert version.facts["model_digest"] == shop.metadata("tuned_model", FIFTH)["model_digest"]
    assert "serving_digest" not in version.facts


def test_the_report_tells_the_cutoff_and_what_judged(champion_shop):
    told = champion_shop.metadata("evaluation_report", FIFTH)
    page = (
        champion_shop.state.reports / "shop" / told["mlflow_run_id"] / "evaluation_report.html"
    ).read_text()
    assert "tested on 2024-04, trained on 2024-01 to 2024-03" in page


def test_a_challenger_of_a_later_cutoff_is_compared_on_the_month_that_judges_it(champion_shop):
    champion_shop.write(SIXTH)
    champion_shop.ingest(SIXTH)
    assert champion_shop.train(SIXTH).success
    rows = len(champion_shop.frame("features", FIFTH))
    decision = champion_shop.metadata("champion")["decision"]
    assert f"on {rows} rows that neither was trained on" in decision
    assert champion_shop.metadata("registered_model", SIXTH)["version"] == 2


def test_a_model_of_an_earlier_cutoff_never_replaces_the_champion_of_a_later_one(champion_shop):
    assert champion_shop.train(FOURTH).success
    told = champion_shop.metadata("champion")
    assert (told["challenger"], told["version"], told["moved"]) == (2, 1, False)
    assert champion_shop.tracking.registry.champion("shop").version == 1
    assert champion_shop.daemon.settle() == {}


def test_nor_does_one_that_is_earlier_by_less_than_the_horizon(champion_shop):
    champion_shop.declare(settings={"target": {"column": "quiet", "horizon": 3}})
    champion, challenger = (
        Version("shop", number, f"run {number}", f"models:/{number}", facts)
        for number, facts in (
            (1, {"cutoff": "2025-01", "training_set_digest": "x"}),
            (2, {"cutoff": "2024-12", "training_set_digest": "y"}),
        )
    )
    found = champion_comparison.compare_with_champion(
        champion_shop.project, champion_shop.tracking, champion_shop.warehouse, challenger, champion
    )
    assert not found.passed
    assert found.told == "cut-off 2024-12 is earlier than the champion's, 2025-01; the champion stays"


@pytest.mark.parametrize(
    ("champion", "rows"), [("2024-04", 50), ("2024-05", 50), ("2024-06", 0), ("2024-12", 0)]
)
def test_rows_that_the_champion_was_trained_on_do_not_count(shop, monkeypatch, champion, rows):
    frame = pd.DataFrame({names.SPLIT: [names.HOLDOUT] * 50 + [names.TRAIN] * 10})
    monkeypatch.setattr(unseen_rows, "training_set", lambda *_: frame)
    challenger, before = (
        Version("shop", number, "", "", {"cutoff": cutoff}) for number, cutoff in ((2, FIFTH), (1, champion))
    )
    found = unseen_rows._period_unseen_by(shop.project, shop.warehouse, challenger, before)
    assert len(found) == rows


def test_the_same_data_trained_again_gives_the_same_model_and_the_champion_stays(champion_shop):
    before = champion_shop.metadata("tuned_model", FIFTH)["model_digest"]
    assert champion_shop.train(FIFTH).success
    assert champion_shop.metadata("tuned_model", FIFTH)["model_digest"] == before
    told = champion_shop.metadata("champion")
    assert told["version"] == 1
    assert told["decision"].endswith("the champion stays")
    assert not math.isnan(float(told["decision"].split("champion's ")[1].split(" ")[0]))


def test_a_champion_whose_features_are_gone_makes_room(champion_shop):
    champion_shop.declare(
        features_sql=FEATURES_SQL.replace("    sum(amount::decimal(18, 2)) as amount,\n", "")
    )
    for month in MONTHS[:5]:
        assert champion_shop.daemon.run("shop/features", partition=month).success
    assert champion_shop.train(FIFTH).success
    told = champion_shop.metadata("champion")
    assert told["version"] == 2, told["decision"]
    assert told["decision"].endswith("which features.sql does not return: it can't serve any more")
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success


def test_what_serves_predicts_features_as_the_logged_model_does(champion_shop):
    result = champion_shop.daemon.run("shop/champion", "shop/registered_model", partition=FIFTH)
    assert checks(result)["predicts"].passed
    served = champion_shop.tracking.load_pyfunc("models:/shop@champion")
    found = served.predict(
        champion_shop.frame("features", FIFTH)[["recent", "days_since", "amount", "channel"]]
    )
    assert found["probability"].to_numpy() == pytest.approx(
        champion_shop.frame("predictions", FIFTH)["probability"].to_numpy()
    )


def test_predictions_say_who_said_it_and_doing_it_again_changes_nothing(champion_shop):
    frame = champion_shop.frame("predictions", FIFTH)
    features = champion_shop.frame("features", FIFTH)
    assert sorted(frame["customer"]) == sorted(features["customer"])
    assert list(frame.columns) == ["customer", "prediction", "probability", "model_version", names.PARTITION]
    assert set(frame["model_version"]) == {1}
    version = champion_shop.version("predictions")
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success
    assert champion_shop.version("predictions") == version
    assert champion_shop.metadata("predictions", FIFTH)["written"] is False
    assert champion_shop.metadata("predictions", FIFTH)["mean_probability"] == pytest.approx(
        frame["probability"].mean()
    )


def test_predictions_are_made_and_written_batch_by_batch(champion_shop, monkeypatch):
    whole = champion_shop.digests("predictions")[FIFTH]
    sizes = []
    predict = TabularModel.predict

    def counted(model, frame):
        sizes.append(len(frame))
        return predict(model, frame)

    monkeypatch.setattr(TabularModel, "predict", counted)
    monkeypatch.setitem(Warehouse.batches.__kwdefaults__, "rows", 16)
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success
    rows = len(champion_shop.frame("features", FIFTH))
    assert sum(sizes) == rows
    assert max(sizes) <= 16
    assert len(sizes) == math.ceil(rows / 16)
    assert champion_shop.digests("predictions")[FIFTH] == whole


def test_predictions_without_a_champion_or_features_are_clear_errors(shop):
    told = failure_message(shop.daemon.run("shop/predictions", partition=FIFTH))
    assert "shop has no champion to predict with" in told
    told = failure_message(shop.daemon.run("shop/predictions", partition=SIXTH))
    assert "shop: partition 2024-06 has no features yet" in told


def test_too_few_months_to_search_on_are_a_clear_error(open_shop):
    window = {"training": {"window": 2}, "target": {"column": "quiet", "horizon": 1}}
    shop = open_shop(settings=window)
    for month in MONTHS[:4]:
        shop.write(month)
    shop.ingest(*MONTHS[:4])
    told = failure_message(shop.daemon.run(*MODEL[:2], partition=FIFTH))
    assert "which has no target yet" in told
    assert shop.daemon.run(*MODEL[:2], partition=FOURTH).success, "two months train: one predicts the other"
