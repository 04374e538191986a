"""`mlops data`: versions of tables, their differences, restore and vacuum."""

import json

import pytest

from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.loans import loans

UNTIL = ("run", "lending", "--until", "features")


def test_versions_are_listed_compared_and_restored_and_downstream_assets_follow(place):
    source = place / "data" / "loans.csv"
    assert mlops(*UNTIL).exit_code == 0
    changed = loans(300).assign(income=lambda frame: frame["income"] * 2)
    changed.to_csv(source, index=False)
    assert mlops(*UNTIL).exit_code == 0

    listed = json.loads(mlops("data", "versions", "lending", "validated_loans", "--json").stdout)
    assert [(one["version"], one["rows"], one["inputs"]) for one in listed] == [
        (2, 300, {"lending/raw_loans": 2}),
        (1, 300, {"lending/raw_loans": 1}),
    ]
    compared = json.loads(mlops("data", "diff", "lending", "features", "1", "2", "--json").stdout)
    assert compared["rows"]["identity"] == ["row_id"]
    assert compared["shifts"][0]["column"] == "income"
    assert compared["shifts"][0]["psi"] > 0.25

    restored = mlops("data", "restore", "lending", "validated_loans", "1")
    assert restored.exit_code == 0, restored.output
    assert "lending.validated_loans: 300 rows of version 1 restored as version 3" in restored.output
    with Workspace(place).instance() as instance:
        assert instance.get_runs()[0].job_name == "lending_restore"

    following = mlops(*UNTIL)
    assert "features: done" in following.output
    assert "validated_loans: done" not in following.output
    assert "all rows are computed, because lending/validated_loans was written anew" in flat(following.output)
    vacuumed = mlops("data", "vacuum", "lending", "--dry-run")
    assert "lending.raw_loans: nothing to remove; 1 old version kept" in vacuumed.output
    assert "tables and versions: nothing to remove" in vacuumed.output
    [found] = [
        one
        for one in json.loads(mlops("data", "vacuum", "lending", "--json").stdout)
        if one["asset"] == "lending/features"
    ]
    assert (found["freed_files"], found["kept_versions"], found["dry_run"]) == (0, 2, False)
    output = mlops("data", "versions", "lending", "validated_loans").output
    assert "restored from 1; raw_loans 1" in output
    output = flat(mlops("data", "diff", "lending", "validated_loans", "2", "3").output)
    assert "300 rows before, 300 after: 300 added, 300 removed, 0 changed (identified by row_id)" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("versions", "lending", "loans"), "lending has no table loans"),
        (("diff", "landing", "features", "1", "2"), "landing has no table features"),
        (("vacuum", "landing"), "there is no project landing hint: did you mean lending?"),
        (("restore", "landing", "features", "1"), "there is no project landing hint: did you mean lending?"),
        (
            ("restore", "lending", "features", "1"),
            "lending has no table features hint: materialize one first: ",
        ),
    ],
)
def test_an_error_has_a_message_and_a_hint(place, arguments, message, record_property):
    done = mlops("data", *arguments)
    assert done.exit_code == 1
    assert message in flat(done.output)
    assert "hint: " in done.output
    assert "Traceback" not in done.output
    record_property("message", done.output)
