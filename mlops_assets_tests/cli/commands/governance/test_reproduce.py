"""`mlops reproduce`, `mlops card` and `mlops diff` on one trained version."""

import json

from mlops_assets_tests.support.command_line import mlops


def test_a_version_is_reproduced_compared_and_described(place, record_property):
    done = mlops("card", "lending")
    assert (done.exit_code, "lending has no champion" in done.output) == (1, True)
    record_property("message", done.output)
    assert mlops("run", "lending").exit_code == 0
    done = mlops("reproduce", "lending", "1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["outcome"], [refit["role"] for refit in found["refits"]]) == ("identical", ["evaluated"])
    card = mlops("card", "lending").stdout
    assert card.startswith("# lending, version 1\n")
    assert mlops("card", "lending", "1").stdout == card
    done = mlops("diff", "lending", "1", "1")
    assert done.exit_code == 0, done.output
    assert "versions 1 and 1 are the same model" in done.stdout
    assert "training set: the same rows" in done.stdout
    compared = json.loads(mlops("diff", "lending", "1", "1", "--json").stdout)
    assert compared["metrics"]["test_roc_auc"][0] == compared["metrics"]["test_roc_auc"][1]

    [sql] = place.rglob("defs/lending/features.sql")
    sql.with_name("pipeline.py").write_text("def make_pipeline():\n    raise ValueError('no')\n", "utf-8")
    done = mlops("reproduce", "lending", "1")
    assert done.exit_code == 1
    message = "different  lending version 1, refitted\ndifferences:\n  fit: lending: "
    assert done.stdout.startswith(message), done.output
    assert "      +def make_pipeline():\n" in done.stdout
    record_property("message", done.output)
    for command in (("diff", "lending", "1", "7"), ("card", "lending", "7")):
        done = mlops(*command)
        assert (done.exit_code, "lending has no version 7 in the registry" in done.output) == (1, True)
        record_property("message", done.output)


TARGET_ENCODER = """from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import TargetEncoder


def make_pipeline():
    return make_column_transformer((TargetEncoder(), make_column_selector()))
"""


def test_a_version_with_an_unseeded_target_encoder_is_reproduced(place):
    [sql] = place.rglob("defs/lending/features.sql")
    sql.with_name("pipeline.py").write_text(TARGET_ENCODER, "utf-8")
    assert mlops("run", "lending").exit_code == 0
    done = mlops("reproduce", "lending", "1", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["outcome"] == "identical"
