"""Templates of alerts: files of a project, checked when the definitions are loaded."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.alerts.alert import DEFAULT_SEVERITIES, KINDS, Alert
from mlops_assets.stores.alerts.message import Markup, Render, template_environment

if TYPE_CHECKING:
    pass

_AT = datetime(2025, 3, 31, 6, 30, tzinfo=UTC)
_FULL = Alert(
    occasion="opened",
    incident=1,
    project="project",
    kind="run",
    severity="error",
    title="features failed in 2025-03",
    detail="a message",
    partition="2025-03",
    asset="project/features",
    run_id="0f0e0d0c",
    report="/reports/page.html",
    opened_at=_AT,
)
_BARE = replace(_FULL, project="", detail="", partition=None, asset=None, run_id=None, report=None)


def load_template(file: Path, markup: Markup, ui: str) -> Render:
    """Return the function that renders an alert with the template in a file.

    The template is rendered once for each kind of alert, with all facts and with the fewest, so that an error
    shows when the definitions are loaded.

    Raises
    ------
    ProjectError
        When the file is missing, is no template, uses an unknown name or can't be rendered.
    """
    import jinja2
    from jinja2 import meta

    environment = template_environment(markup)
    try:
        source = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ProjectError(
            f"{file} can't be read as the template of an alert: {reason}",
            hint="create it in the project's folder, or correct `template` of the channel in defs.yaml",
        ) from error
    known = sorted(_FULL.facts(ui))
    try:
        unknown = meta.find_undeclared_variables(environment.parse(source)) - set(known)
        template = environment.from_string(source)
        template.filename = str(file)
    except jinja2.TemplateError as error:
        raise _invalid(file, error, known) from error
    if unknown:
        name = min(unknown)
        lines = source.splitlines()
        line = next((number for number, text in enumerate(lines, 1) if name in text), 1)
        raise ProjectError(f"{file}:{line}: {name} is not a fact of an alert", hint=f"use {', '.join(known)}")

    def render(alert: Alert) -> str:
        return template.render(alert.facts(ui))

    for kind in KINDS:
        for sample in (_FULL, _BARE, replace(_FULL, occasion="resolved", resolved_at=_AT)):
            try:
                render(replace(sample, kind=kind, severity=DEFAULT_SEVERITIES[kind]))
            except Exception as error:  # an expression may raise anything
                raise _invalid(file, error, known) from error
    return render


def _invalid(file: Path, error: Exception, known: list[str]) -> ProjectError:
    line = getattr(error, "lineno", None)
    if line is None:
        trace = error.__traceback__
        while trace:
            code = trace.tb_frame.f_code.co_filename
            line = trace.tb_lineno if code in (str(file), "<template>") else line
            trace = trace.tb_next
    reason = " ".join(str(error).split()) or type(error).__name__
    return ProjectError(
        f"{file}:{line or 1}: the template of an alert can't be rendered: {reason}",
        hint=f"correct the template; facts of an alert are {', '.join(known)}, of which some may be none",
    )
