"""`mlops new` with an event log: the draft runs unedited."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import write_dg_package


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store):
    """A dg project with a log of invoices in German notation, and nothing declared."""
    write_dg_package(tmp_path, "kunden", mlflow=empty_tracking_store)
    random = np.random.default_rng(5)
    rows = 600
    customer = random.integers(0, 60, rows)
    paid = random.gamma(2, 40, rows)
    day = random.integers(0, 9 - customer // 10, rows)  # many stop buying
    frame = pd.DataFrame(
        {
            "Rechnung": [f"R{row:05}" for row in range(rows)],
            "Kunde": customer,
            "Datum": (pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D")).strftime("%d.%m.%Y"),
            "Betrag": [f"{each:.2f} €".replace(".", ",") for each in paid],
            "Kanal": random.choice(["Laden", "Netz"], rows),
        }
    )
    (tmp_path / "data").mkdir(exist_ok=True)
    frame.to_csv(tmp_path / "data" / "rechnungen.csv", index=False, sep=";", decimal=",")
    monkeypatch.chdir(tmp_path)
    return tmp_path


LOG = ("--data", "data/rechnungen.csv", "--time", "Datum", "--entity", "Kunde")


def test_a_project_drafted_from_a_log_runs_unedited(place):
    done = mlops("new", "kunden", *LOG, "--horizon", "2", "--target", "count(*) >= 3")
    assert done.exit_code == 0, done.output
    assert "format of Datum: %d.%m.%Y" in done.output
    assert "format of Betrag: unit €, decimal ','" in done.output
    done = mlops("run", "kunden", "--until", "training_set")
    assert done.exit_code == 0, done.output
    done = mlops("sql", "--json", "select max(sum_Betrag) as most from kunden.features")
    assert '"most": null' not in done.output
    done = mlops(
        "sql", "--json", "select count(*) as n, min(target) < max(target) as varies from kunden.training_set"
    )
    assert '"varies": true' in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--time", "Datum"),
            "--data or --query, --entity is missing hint: an event log requires --data or --query, --time "
            "and --entity",
        ),
        ((*LOG, "--task", "binary"), "--task can't be set for an event log"),
        ((*LOG, "--horizon", "3"), "a horizon of 3 requires at least 10"),
    ],
)
def test_an_error_creates_no_folder(place, record_property, arguments, message):
    done = mlops("new", "kunden", *arguments)
    assert done.exit_code == 1
    assert message in flat(done.stderr)
    assert "Traceback" not in done.output
    assert not list(place.rglob("features.sql"))
    record_property("message", done.stderr)
