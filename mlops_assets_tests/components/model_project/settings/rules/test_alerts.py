"""Settings of alerts: what is invalid is refused with file and line number, and no secret is quoted."""

import re
from pathlib import Path

import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

from mlops_assets.components.model_project.settings.rules.alerts import clock_time
from mlops_assets.workspace.definition_errors import translate_definition_error
from mlops_assets_tests.support.loans import FEATURES_SQL, SCHEMA

HEAD = """type: mlops_assets.ModelProject
attributes:
  description: Which loans are paid late.
  task: binary
  target: {column: outcome}
  tables: {loans: {source: data/*.csv}}
"""
SECRET = "https://hooks.slack.com/services/T0/B0/verysecret"


def load(channels: str, *, template: str | None = None) -> str:
    """The error of a declaration, without the folder; empty if it is valid."""
    with create_defs_folder_sandbox() as sandbox:
        folder = Path(sandbox.defs_folder_path) / "lending"
        folder.mkdir()
        (folder / "defs.yaml").write_text(HEAD + channels, "utf-8")
        (folder / "schema.py").write_text(SCHEMA, "utf-8")
        (folder / "features.sql").write_text(FEATURES_SQL, "utf-8")
        if template is not None:
            (folder / "alert.txt.j2").write_text(template, "utf-8")
        try:
            with sandbox.build_all_defs() as defs:
                names = [sensor.name for sensor in defs.sensors or ()]
                assert ("lending_alerts" in names) is ("alerts:" in channels)
                return ""
        except Exception as error:
            found = translate_definition_error(error, "definitions", sandbox.defs_folder_path)
            return f"{found.message}\n{found.hint}".replace(str(folder.resolve()), "").replace(
                str(folder), ""
            )


def test_without_alerts_there_is_no_sensor():
    assert load("") == ""


FULL = """  alerts:
    ui_url: https://dagster.example.com
    repeat_hours: 24
    severities: {drift: error}
    channels:
      console: {log: true, severity: info}
      slack:
        webhook: {url_env: SLACK_WEBHOOK}
        kinds: [run, drift]
        quiet_hours: {start: 22:00, end: "07:00", timezone: Europe/Berlin, severity: critical}
        template: alert.txt.j2
      mail:
        email: {host: smtp.example.com, sender: a@b.com, to: [b@b.com], user_env: U, password_env: P}
      pager: {command: [bin/page, --now]}
"""


def test_all_kinds_of_channels_can_be_declared():
    assert load(FULL, template="{{ subject }}{% if detail %}: {{ detail }}{% endif %}\n{{ links.run }}") == ""


def channel(text: str) -> str:
    return f"  alerts:\n    channels:\n      ops: {text}\n"


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("  alerts: {repeat_hours: 1}\n", "alerts.channels is missing: declare a channel"),
        (channel("{severity: error}"), "has no target; declare exactly one of log, webhook, email, command"),
        (channel("{log: true, command: [page]}"), "alerts.channels.ops has log and command; declare exactly"),
        (channel("{slack: {url_env: X}}"), "alerts.channels.ops.slack is not a setting; choose one of"),
        (channel("{log: true, kinds: [drfit]}"), "is 'drfit'; did you mean drift?"),
        (
            channel("\n        log: true\n        severity: fatal"),
            "is 'fatal': input should be 'info'",
        ),
        (channel("{log: true, kinds: []}"), "alerts.channels.ops.kinds is []"),
        (channel(f"{{webhook: {{url_env: '{SECRET}'}}}}"), "is not the name of an environment variable"),
        (
            channel("{command: bin/page}"),
            "alerts.channels.ops.command is 'bin/page': input should be a valid",
        ),
        (channel("{command: []}"), "alerts.channels.ops.command is empty"),
        (
            channel("{email: {host: h, sender: a@b.c, to: ['x@y.z\\n bcc: w@v.u']}}"),
            "email.to has 'x@y.z\\\\n bcc: w@v.u', which is not",
        ),
        (
            channel("{email: {host: h, sender: a@b.c, to: [x@y.z], user_env: U}}"),
            "declares one of user_env and password_env; declare both or none",
        ),
        (
            channel(
                "{email: {host: h, sender: a@b.c, to: [x@y.z], user_env: U, password_env: P, "
                "encryption: none}}"
            ),
            "encryption is none, and the password would be sent in plain text",
        ),
        (
            channel("{log: true, quiet_hours: {start: late, end: 7:00}}"),
            "quiet_hours.start is 'late'; write a time such as '22:00'",
        ),
        (channel("{log: true, quiet_hours: {start: '7:00', end: 7:00}}"), "quiet_hours.end equals start"),
        (
            channel("{log: true, quiet_hours: {start: '7:00', end: '8:00', timezone: Mars}}"),
            "quiet_hours.timezone is 'Mars'; use a name such as Europe/Berlin",
        ),
        (channel("{log: true, quiet_hours: {start: 22, end: 7}}"), "start is 22; write a time such as"),
        (channel("{log: true, severity: critical, kinds: [drift]}"), "critical, which none of its kinds has"),
        (channel(f"{{webhook: '{SECRET}'}}"), "alerts.channels.ops.webhook should be an object"),
        (
            channel(f"{{webhook: {{url_env: ['{SECRET}']}}}}"),
            "ops.webhook.url_env is not valid: input should",
        ),
        (
            channel("{email: {host: 'smtp://ada:secret@h', sender: a@b.c, to: [x@y.z]}}"),
            "email.host is not the name of a server; write it without scheme, user and port",
        ),
        (
            channel("{email: {host: h, sender: a@b.c, to: [x@y.z], encryption: ssl}}"),
            "alerts.channels.ops.email.encryption is 'ssl': input should be 'starttls'",
        ),
        (
            channel("{email: {host: h, sender: a@b.c, to: [x@y.z], port: smtp}}"),
            "alerts.channels.ops.email.port is 'smtp', which is not a number",
        ),
        ("  alerts: {channels: {ops: {log: true}}, repeat_hours: .inf}\n", "less than or equal to 8760"),
        ("  monitoring: {reports: drift}\n", "monitoring.reports is 'drift': input should be a valid list"),
        ("  monitoring: {reports: [drift, drift]}\n", "monitoring.reports lists drift more than once"),
        (
            "  monitoring: {reports: [performance], drift: {effect: 0.1}}\n",
            "monitoring.drift requires drift in monitoring.reports",
        ),
        ("  monitoring: {drift: {multivariate: false, auc: 0.6}}\n", "monitoring.drift.auc has no effect"),
        ("  retrain: drift\n", "retrain should be an object"),
        (channel("{log: true, template: ../other.j2}"), "is not the name of a file in the project's folder"),
        (
            "  freshness: {arrival_hours: 6}\n",
            "freshness.arrival_hours requires partitions; declare `partitions` or `scoring.partitions`",
        ),
        ("  alerts: {channels: {ops: {log: true}}, ui_url: ftp://x}\n", "alerts.ui_url is not an address"),
        (
            "  alerts: {channels: {ops: {log: true}}, ui_url: 'https://ada:secret@x'}\n",
            "alerts.ui_url contains a user or password",
        ),
    ],
)
def test_an_invalid_declaration_is_refused_with_file_and_line(declared, message):
    error = load(declared)
    assert message in error
    assert re.search(r"/defs.yaml:([789]|1[01]): ", error), "the line of the setting, or of `alerts`"
    assert "verysecret" not in error
    assert "ada:secret" not in error


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ title }}\n{{ detial }}", "/alert.txt.j2:2: detial is not a fact of an alert"),
        ("{% if title %}", "/alert.txt.j2:1: the template of an alert can't be rendered: Unexpected end"),
        ("\n{{ title.nope.more }}", "/alert.txt.j2:2: the template of an alert can't be rendered"),
        (
            "{{ partition.split('-')[0] }}",
            "/alert.txt.j2:1: the template of an alert can't be rendered: 'None' has no attribute 'split'",
        ),
        ("{{ title.__class__.__mro__ }}", "/alert.txt.j2:1: the template of an alert can't be rendered"),
        (None, "/alert.txt.j2 can't be read as the template of an alert: No such file"),
    ],
)
def test_a_template_that_does_not_render_is_refused(template, message):
    error = load(channel("{log: true, template: alert.txt.j2}"), template=template)
    assert message in error


def test_times_of_a_day_may_be_numbers_to_the_base_of_60():
    declared = yaml.safe_load("[22:00, 07:30, '22:00', 0:05]")
    assert [f"{clock_time(one):%H:%M}" for one in declared] == ["22:00", "07:30", "22:00", "00:05"]
    assert clock_time(24 * 60) is clock_time("24:00") is None
