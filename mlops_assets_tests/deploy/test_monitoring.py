"""Configuration, alert rules and dashboard in `deploy/monitoring/`."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from mlops_assets_tests.support.grafana import schema_errors
from mlops_assets_tests.support.prometheus import promtool

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
ALERTS = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "grafana_dashboard.json").read_text("utf-8"))


def test_the_configuration_and_its_rules_are_valid():
    checked = promtool("check", "config", str(FOLDER / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


def test_the_unit_tests_of_the_rules_pass():
    tested = promtool("test", "rules", str(FOLDER / "alerts_test.yml"))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_changed_rule_fails_the_unit_tests(tmp_path):
    changed = (FOLDER / "alerts.yml").read_text("utf-8").replace("< 0.05", "< 0.01")
    (tmp_path / "alerts.yml").write_text(changed, "utf-8")
    (tmp_path / "alerts_test.yml").write_bytes((FOLDER / "alerts_test.yml").read_bytes())
    tested = promtool("test", "rules", str(tmp_path / "alerts_test.yml"))
    assert tested.returncode != 0
    assert "alertname: MlopsDiskNearlyFull" in tested.stdout + tested.stderr


def test_every_alert_is_tested_with_and_without_its_problem():
    cases = yaml.safe_load((FOLDER / "alerts_test.yml").read_text("utf-8"))["tests"]
    quiet, *_ = (case["alert_rule_test"] for case in cases)
    assert sorted(test["alertname"] for test in quiet) == sorted(ALERTS)
    assert not any(test["exp_alerts"] for test in quiet)
    fired = {test["alertname"] for case in cases for test in case["alert_rule_test"] if test["exp_alerts"]}
    assert fired == set(ALERTS)


def test_the_dashboard_conforms_to_the_schema_of_grafana():
    assert schema_errors(DASHBOARD) == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("gridPos", "hight"), 3, "hight is not in the schema"),
        (("gridPos", "h"), "3", "is '3', not a int"),
        (("type",), "timeserie", "belongs to no known kind of panel"),
        (("options", "legend", "displayMode"), "lists", "is 'lists', not one of"),
    ],
)
def test_an_error_in_a_panel_is_found(path, value, message):
    dashboard = copy.deepcopy(DASHBOARD)
    changed = next(panel for panel in dashboard["panels"] if panel["type"] == "timeseries")
    for name in path[:-1]:
        changed = changed[name]
    changed[path[-1]] = value
    assert message in str(schema_errors(dashboard))


def test_panels_of_the_dashboard_do_not_overlap():
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
