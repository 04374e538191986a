"""Configuration of Prometheus, alert rules and dashboard in `deploy/serving/`."""

import json
import re
from pathlib import Path

import pytest
import yaml

from mlops_assets_tests.support.grafana import schema_errors
from mlops_assets_tests.support.prometheus import promtool
from mlops_assets_tests.support.serving_metrics import metric_names

FOLDER = Path(__file__).parents[2] / "deploy" / "serving"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
ALERTS = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "grafana_dashboard.json").read_text("utf-8"))
METRIC = re.compile(r"\bmlops_serving_\w+")


def test_the_configuration_and_its_rules_are_valid(tmp_path):
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    (tmp_path / "prometheus_key").write_text("key")
    checked = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


def test_the_unit_tests_of_the_rules_pass():
    tested = promtool("test", "rules", str(FOLDER / "alerts_test.yml"))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_changed_rule_fails_the_unit_tests(tmp_path):
    changed = (FOLDER / "alerts.yml").read_text("utf-8").replace("> 0.01", "> 0.2")
    (tmp_path / "alerts.yml").write_text(changed, "utf-8")
    (tmp_path / "alerts_test.yml").write_bytes((FOLDER / "alerts_test.yml").read_bytes())
    tested = promtool("test", "rules", str(tmp_path / "alerts_test.yml"))
    assert tested.returncode != 0
    assert "alertname: MlopsServingFailures" in tested.stdout + tested.stderr


def test_every_alert_is_tested_with_and_without_its_problem():
    cases = yaml.safe_load((FOLDER / "alerts_test.yml").read_text("utf-8"))["tests"]
    quiet, *_ = (case["alert_rule_test"] for case in cases)
    assert sorted(test["alertname"] for test in quiet) == sorted(ALERTS)
    assert not any(test["exp_alerts"] for test in quiet)
    fired = {test["alertname"] for case in cases for test in case["alert_rule_test"] if test["exp_alerts"]}
    assert fired == set(ALERTS)


@pytest.mark.parametrize("name", ["alerts.yml", "alerts_test.yml", "grafana_dashboard.json"])
def test_every_metric_is_one_of_the_service(name):
    used = set(METRIC.findall((FOLDER / name).read_text("utf-8")))
    assert used
    assert used <= metric_names()


def test_the_dashboard_conforms_to_the_schema_of_grafana():
    assert schema_errors(DASHBOARD) == []


def test_panels_of_the_dashboard_do_not_overlap():
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_the_queries_of_the_dashboard_are_valid(tmp_path):
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    rules = [
        {
            "record": "checked",
            "expr": query.replace("$__rate_interval", "5m"),
            "labels": {"query": str(place)},
        }
        for place, query in enumerate(queries)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(queries)} rules found" in checked.stdout
