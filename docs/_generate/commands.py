"""`docs/reference/commands.md`: every command of `mlops`, from the signatures that Typer reads."""

import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from mlops_assets.cli.app import app

HEAD = Path(__file__).parent / "commands_head.md"


@dataclass(frozen=True)
class Parameter:
    """An argument or option of a command."""

    name: str
    annotation: Any
    info: ArgumentInfo | OptionInfo
    default: Any

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def spelling(self) -> str:
        """The parameter as it is typed: `PROJECT`, `--trials INTEGER`, `--force`."""
        if isinstance(self.info, ArgumentInfo):
            return self.name.upper()
        # typer takes the first declaration for the default
        declared = (self.info.default, *(self.info.param_decls or ()))
        options = [text for text in declared if isinstance(text, str) and text.startswith("-")]
        option = ", ".join(options) or f"--{self.name.replace('_', '-')}"
        is_flag = self.annotation in (bool, bool | None)
        return option if is_flag else f"{option} {self.info.metavar or _value(self.annotation)}"

    @property
    def facts(self) -> Iterator[str]:
        """Whether it is required, its limits and its default."""
        if self.is_required:
            yield "required"
        for limit, text in ((self.info.min, "at least"), (self.info.max, "at most")):
            if limit is not None:
                yield f"{text} {limit:,}"
        if not self.is_required and self.default not in (None, False):
            yield f"default `{self.default}`"


def page() -> str:
    """Return the text of the page."""
    found = dict(commands(app))
    rows = "".join(
        f"| [`{' '.join(words)}`](#{'-'.join(words)}) | {_summary(command)} |\n"
        for words, command in found.items()
    )
    table = f"| command | purpose |\n| --- | --- |\n{rows}"
    sections = "\n".join(_section(words, command) for words, command in found.items())
    return f"{HEAD.read_text('utf-8')}\n{table}\n{sections}"


def commands(
    below: typer.Typer, words: tuple[str, ...] = ("mlops",)
) -> Iterator[tuple[tuple[str, ...], Callable[..., None]]]:
    """Every command of an app, with the words that call it."""
    for command in below.registered_commands:
        function = command.callback
        if function is not None:
            yield (*words, command.name or function.__name__.replace("_", "-")), function
    for group in below.registered_groups:
        if group.typer_instance is not None:
            own = group.typer_instance.registered_callback
            if own is not None and own.callback is not None and own.invoke_without_command is True:
                yield (*words, str(group.name)), own.callback
            yield from commands(group.typer_instance, (*words, str(group.name)))


def parameters(command: Callable[..., None]) -> Iterator[Parameter]:
    """The arguments and options of a command's function."""
    hints = get_type_hints(command, include_extras=True)
    for name, declared in inspect.signature(command).parameters.items():
        annotation = hints[name]
        if get_origin(annotation) is Annotated:
            kind, info = get_args(annotation)[:2]
            if isinstance(info, ArgumentInfo | OptionInfo):
                yield Parameter(name, kind, info, declared.default)


def _section(words: tuple[str, ...], command: Callable[..., None]) -> str:
    description, _, example = inspect.cleandoc(command.__doc__ or "").partition("Example: ")
    taken = list(parameters(command))
    arguments = [taker for taker in taken if isinstance(taker.info, ArgumentInfo)]
    usage = " ".join(
        [*words, *(one.name.upper() if one.is_required else f"[{one.name.upper()}]" for one in arguments)]
    )
    lines = "".join(f"- {_entry(one)}\n" for one in taken)
    example_block = f"\nExample:\n\n```sh\n{example.strip()}\n```\n" if example else ""
    head = f"## {' '.join(words)}\n\n{description.strip()}\n\n```text\n{usage} [OPTIONS]\n```\n"
    return f"{head}\n{lines}{example_block}"


def _entry(parameter: Parameter) -> str:
    facts = "; ".join(parameter.facts)
    return f"`{parameter.spelling}`: {parameter.info.help or ''}" + (f" *({facts})*" if facts else "")


def _value(annotation: Any) -> str:
    """A placeholder for a value of a type."""
    if get_origin(annotation) in (Union, types.UnionType):
        [annotation] = [kind for kind in get_args(annotation) if kind is not types.NoneType]
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    names = {int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH"}
    return names.get(annotation, "VALUE")


def _summary(command: Callable[..., None]) -> str:
    text = inspect.cleandoc(command.__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")
