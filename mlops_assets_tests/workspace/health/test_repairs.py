"""Damaged tables: `mlops run` finds them by the sizes of files, audits and `--force` by their bytes."""

import json
from pathlib import Path

import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.health.doctor import Finding, examine
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.damage import change_value

UNTIL = ("run", "lending", "--until", "training_set")


@pytest.fixture
def tables(place: Path) -> Warehouse:
    """The tables of a project that was run until its training set."""
    assert mlops(*UNTIL).exit_code == 0
    return Warehouse(place / "data" / "state" / "warehouse")


def data_file(tables: Warehouse, asset: str) -> Path:
    [found] = (tables.root / "lending" / asset).glob("*.parquet")
    return found


def found(place: Path) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(Workspace(place), seconds=60)}


def audited() -> list[str]:
    findings = json.loads(mlops("audit", "lending", "--json").stdout)
    return next(one["errors"] for one in findings if one["subject"].startswith("tables, 5 with 5 files"))


def test_damaged_tables_are_found_and_mended_and_nothing_else_runs(tables: Warehouse, place: Path):
    names = ("raw_loans", "validated_loans", "features")
    files = [data_file(tables, name) for name in names]
    before = [file.read_bytes() for file in files]
    versions = [tables.version(("lending", name)) for name in names]

    # By their sizes, which each run compares.
    files[0].write_bytes(before[0][:100])
    files[1].unlink()
    files[2].write_bytes(before[2] + b"0")
    assert "lending.features: 1 data files are damaged" in found(place)["tables"].message
    done = mlops(*UNTIL)
    assert done.exit_code == 0, done.output
    assert [file.read_bytes() for file in files] == before
    assert [tables.version(("lending", name)) for name in names] == versions
    assert "training_set: done" not in done.output
    for problem in ("has 100 bytes instead of", "is missing; its rows are computed again"):
        assert problem in flat(done.output)
    assert audited() == []

    # By their content, which an audit reads.
    for file, change in zip(files, ("'1' as income", "1.0 as income", "0.0 as share"), strict=True):
        change_value(file, change)
    assert "lending is up to date" in mlops(*UNTIL).output
    errors = audited()
    assert [sum(str(file) in error for error in errors) for file in files] == [1, 1, 1]
    assert "mlops run lending --force" in " ".join(errors)
    forced = mlops(*UNTIL, "--force")
    assert forced.exit_code == 0, forced.output
    assert [file.read_bytes() for file in files] == before
    assert audited() == []
