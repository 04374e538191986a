"""`mlops keys`: API keys of clients of `mlops serve`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mlops_assets.cli.output.console import DebugOption, JsonOption, err, out, plain_errors, print_table
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from mlops_assets.serving.keys.api_key import ApiKey

app = typer.Typer(no_args_is_help=True, help="API keys of clients of `mlops serve`.")

FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="File of the keys; by default in the state directory.", dir_okay=False),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the client, as in logs.", show_default=False)],
    project: Annotated[
        list[str] | None,
        typer.Option(help="Project that the key may use, `*` for all; can be repeated.", show_default=False),
    ] = None,
    metrics: Annotated[bool, typer.Option("--metrics", help="Permit to read /metrics.")] = False,
    docs: Annotated[bool, typer.Option("--docs", help="Permit to read /docs and /openapi.json.")] = False,
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day of the key, in UTC.", show_default=False),
    ] = None,
    file: FileOption = None,
    debug: DebugOption = False,
) -> None:
    """Create an API key. It is printed once, and only its digest is kept.

    Example: mlops keys create shop --project customer_churn --expires 2027-06-30
    """
    with plain_errors(debug):
        from mlops_assets.serving.keys import api_key
        from mlops_assets.serving.keys.key_file import changed_keys

        wanted = {api_key.METRICS: metrics, api_key.DOCS: docs}
        scopes = [scope for scope, is_wanted in wanted.items() if is_wanted]
        until = None if expires is None else expires.replace(tzinfo=UTC) + timedelta(days=1)
        _require_scope(name, project or [], scopes, until)
        token, key = api_key.new_key(name, project or (), scopes, until)
        file = file or _default_file()
        with changed_keys(file, err.print) as keys:
            keys.append(key)
        typer.echo(token)
        err.print(
            f"key {key.key_id} of {name} in {file}; the line above is shown only now: keep it as a secret"
        )


@app.command("list")
def list_keys(file: FileOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """List the keys, without their secret parts.

    Example: mlops keys list
    """
    with plain_errors(debug):
        from mlops_assets.serving.keys.key_file import key_values, read_keys

        keys = read_keys(file or _default_file())
        if json:
            out.print_json(data=[{**key_values(key), "status": _status(key)} for key in keys])
            return
        table = Table("id", "client", "projects", "scopes", "created", "expires", "status")
        for key in keys:
            created, expires = _day(key.created), _last_day(key.expires)
            projects, scopes = ", ".join(key.projects), ", ".join(key.scopes)
            table.add_row(key.key_id, key.name, projects, scopes, created, expires, _status(key))
        print_table(out, table)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="ID of the key, or the name of a client with one key.")],
    file: FileOption = None,
    debug: DebugOption = False,
) -> None:
    """Revoke a key; running services refuse it within a second.

    Example: mlops keys revoke 4f1d2c9a
    """
    with plain_errors(debug):
        from dataclasses import replace

        from mlops_assets.serving.keys.key_file import changed_keys, read_keys

        file = file or _default_file()
        read_keys(file)  # an error without a file, instead of a new one
        with changed_keys(file, err.print) as keys:
            found = _find(key, keys)
            now = datetime.now(UTC).replace(microsecond=0)
            keys[keys.index(found)] = replace(found, revoked=now)
        out.print(f"revoked key {found.key_id} of {found.name}")


def _require_scope(name: str, projects: list[str], scopes: list[str], until: datetime | None) -> None:
    if not name.strip() or not name.isprintable():
        raise ProjectError(f"the name {name!r} of the client is not a name", hint="use letters and digits")
    if not projects and not scopes:
        raise ProjectError(
            "the key would permit nothing", hint="add --project PROJECT, `--project '*'`, --metrics or --docs"
        )
    if until is not None and until <= datetime.now(UTC):
        raise ProjectError("--expires is in the past", hint="choose a coming day, or leave it out")


def _find(key: str, keys: "list[ApiKey]") -> "ApiKey":
    active = [one for one in keys if one.revoked is None]
    found = [one for one in active if one.key_id == key] or [one for one in active if one.name == key]
    if not found:
        names = {name for one in active for name in (one.key_id, one.name)}
        hint = suggest_name(key, names) if names else "mlops keys list shows all"
        raise ProjectError(f"there is no key {key} that could be revoked", hint=hint)
    if len(found) > 1:
        ids = ", ".join(one.key_id for one in found)
        raise ProjectError(f"{key} has several keys", hint=f"choose one of the IDs {ids}")
    return found[0]


def _default_file() -> Path:
    from mlops_assets.serving.keys.key_file import default_key_file

    state = StateDirectory.of(find_project_root())
    state.create()
    return default_key_file(state.root)


def _status(key: "ApiKey") -> str:
    if key.revoked is not None:
        return "revoked"
    return "active" if key.is_active(datetime.now(UTC)) else "expired"


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"


def _last_day(expires: datetime | None) -> str:
    return "never" if expires is None else _day(expires - timedelta(seconds=1))
