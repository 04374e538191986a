"""`mlops alerts`, and alerts at the end of `mlops run`, on a project whose data are blocked."""

import json

import pytest
import yaml

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.receivers import web_receiver


@pytest.fixture
def web(monkeypatch):
    with web_receiver() as receiver:
        monkeypatch.setenv("OPS_ADDRESS", receiver.url)
        yield receiver


def declare(place, **alerts) -> None:
    [file] = place.rglob("defs/lending/defs.yaml")
    found = yaml.safe_load(file.read_text("utf-8"))
    found["attributes"]["alerts"] = alerts
    file.write_text(yaml.safe_dump(found), "utf-8")


def test_alerts_of_a_project_without_the_daemon(place, web):
    done = mlops("alerts", "lending")
    assert (done.exit_code, "lending declares no channel of alerts" in done.output) == (1, True)

    channels = {
        "ops": {"webhook": {"url_env": "OPS_ADDRESS", "payload": "json"}},
        "slack": {"webhook": {"url_env": "NOT_SET"}},
    }
    declare(place, channels=channels, disk_free_gigabytes=1e-6)
    done = mlops("alerts", "--test")
    assert done.exit_code == 1
    assert "lending: channel ops: delivered" in done.output
    assert "lending: channel slack: the environment variable NOT_SET is not set" in flat(done.output)
    assert web.bodies[0]["subject"] == "TEST lending: channel ops works"
    assert mlops("alerts").stdout == "no open incidents of lending\n"

    [data] = place.rglob("data/*.csv")
    rows = data.read_text("utf-8").splitlines()
    data.write_text("\n".join([rows[0], *(row.replace(",", ",x", 3) for row in rows[1:])]), "utf-8")
    done = mlops("run", "lending", "--until", "features")
    assert done.exit_code == 1
    assert "alerts: 1 open incident, 1 alert sent; channel slack: the environment variable" in flat(
        done.output
    )
    [alert] = web.bodies[1]["alerts"]
    assert (alert["project"], alert["kind"]) == ("lending", "blocked")
    shown = mlops("alerts", "lending")
    assert "blocked  data of validated_loans are blocked: rejected_share failed" in shown.stdout
    assert (
        "lending: channel slack: not delivered yet after 1 attempt: data of validated_loans" in shown.stdout
    )
    found = json.loads(mlops("alerts", "--json").stdout)
    assert [len(found["open"]), len(found["undelivered"])] == [1, 1]
    done = mlops("alerts", "lending", "--now")
    assert done.stdout.startswith("lending: 1 open incident"), "the failed channel is not tried again yet"
    [shown] = [line for line in mlops("doctor").output.splitlines() if "NOT_SET" in line]
    assert "lending: channel slack: the environment variable NOT_SET is not set" in shown
