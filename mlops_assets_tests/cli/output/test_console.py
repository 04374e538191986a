"""Tables in terminals of any width, and in files; control characters of names and values."""

import io
import re

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import print_table, visible_console

TITLES = ("version", "family", "ROC AUC", "95 % interval", "trained (UTC)")
CELLS = ("3 champion", "hist_gradient_boosting", "0.8231", "0.8012 to 0.8441", "2026-11-27 16:40")


def printed(width: int, *, terminal: bool = True) -> str:
    table = Table(box=None, pad_edge=False)
    for title in TITLES:
        table.add_column(title, no_wrap=True)
    table.add_row(*CELLS)
    table.add_row("2", "linear", "", "", "2026-11-26 16:40")
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, no_color=True)
    print_table(console, table)
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_cell_is_cut_in_a_terminal_of_any_width(width: int):
    output = printed(width)
    assert all(text in output for text in (*TITLES, *CELLS))
    assert "…" not in output
    assert all(len(line) <= width for line in output.splitlines())


def test_a_table_that_fits_has_a_line_for_each_row():
    assert len(printed(100).splitlines()) == 3
    assert len(printed(10, terminal=False).splitlines()) == 3


def test_a_table_that_does_not_fit_has_a_block_for_each_row_without_empty_cells():
    blocks = printed(60).split("\n\n")
    assert [len(block.strip().splitlines()) for block in blocks] == [5, 3]
    assert blocks[0].split()[:3] == ["version", "3", "champion"]


def test_names_and_values_show_their_control_characters_and_markup_and_styles_are_sent():
    console = visible_console(file=io.StringIO(), width=60, force_terminal=True, color_system="standard")
    console.print("[bold]title[/]", "value \x1b]0;x \x9b2J", highlight=False)
    table = Table("column")
    table.add_row(Text("cell\x1b[2J"))
    console.print(table)
    with console.status("waits"):
        console.print("note\x7f", markup=False)
    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    assert "\x1b[1mtitle\x1b[0m value \\x1b]0;x \\x9b2J" in output
    assert "cell\\x1b[2J" in output
    assert "note\\x7f" in output
    assert not set("\x7f\x9b") & set(output)
