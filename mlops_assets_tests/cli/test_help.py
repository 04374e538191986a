"""What all commands have in common: an example in their help, and one sentence for any error."""

import shlex

import pytest
import typer
from typer.testing import CliRunner

from mlops_assets.cli.app import app
from mlops_assets.cli.output.console import plain_errors


def commands(command, words: tuple[str, ...] = ("mlops",)):
    """Every command below one, with the words that call it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name, one in below.items():
        yield from commands(one, (*words, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_the_walk_finds_commands_and_those_of_groups():
    assert {("mlops", "run"), ("mlops", "sql"), ("mlops", "data", "restore")} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_that_its_own_parser_takes(words):
    command = COMMANDS[words]
    shown = CliRunner().invoke(app, [*words[1:], "--help"])
    assert shown.exit_code == 0
    [example] = [line.strip() for line in command.help.splitlines() if line.strip().startswith("Example: ")]
    called, *arguments = shlex.split(example.removeprefix("Example: "))
    assert tuple([called, *arguments][: len(words)]) == words
    command.make_context(words[-1], arguments[len(words) - 1 :])
    assert {"--debug"} <= {option for parameter in command.params for option in parameter.opts}


@pytest.fixture
def failing():
    program = typer.Typer()

    @program.command()
    def fail(debug: bool = False) -> None:
        with plain_errors(debug):
            raise ZeroDivisionError("division\nby zero")

    return program


def test_an_unexpected_error_is_one_sentence_and_names_the_debug_option(failing):
    done = CliRunner().invoke(failing, [])
    assert done.exit_code == 1
    assert done.stderr == (
        "error: unexpected ZeroDivisionError: division by zero\n"
        "hint: run it again with --debug for the traceback\n"
    )
    assert done.stdout == ""
    assert "Traceback" in CliRunner().invoke(failing, ["--debug"]).stderr
