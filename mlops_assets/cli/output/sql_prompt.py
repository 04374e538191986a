"""The prompt of `mlops sql`."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.markup import escape

from mlops_assets.cli.output.console import err, out, print_error
from mlops_assets.cli.output.table_output import print_rows
from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.stores.warehouse.query_views import ReadOnlyTables, strip_semicolon

_FIRST, _NEXT = "mlops> ", "   ...> "
_HELP = "end a query with ;  \\d lists views  \\d VIEW lists columns  \\q quits  Ctrl-C cancels a query"
_HISTORY_LINES = 1_000
_HISTORY_VARIABLE, _ON, _OFF = "MLOPS_SQL_HISTORY", ("", "on"), "off"


def history_file(state: Path) -> Path | None:
    """Return the file of the input history; None if `MLOPS_SQL_HISTORY` is `off`.

    Raises
    ------
    StoreError
        When the variable has another value.
    """
    declared = os.environ.get(_HISTORY_VARIABLE, "")
    if declared not in (*_ON, _OFF):
        raise StoreError(f"{_HISTORY_VARIABLE} is {declared!r}", hint="set it to on or off")
    return None if declared == _OFF else state / "sql_history"


class Prompt:
    """Reads queries until the end of input, and prints their rows.

    Parameters
    ----------
    limit
        Maximum number of rows to print for a query; None for all.
    history
        File of the input history; None to keep none.
    read
        Returns the next line of input, given the prompt.
    """

    def __init__(
        self,
        tables: ReadOnlyTables,
        limit: int | None,
        history: Path | None,
        *,
        read: Callable[[str], str] = input,
    ) -> None:
        self._tables, self._limit, self._history, self._read = tables, limit, history, read

    def loop(self) -> None:
        """Read and run queries until `\\q` or Ctrl-D."""
        self._prepare_line_editing()
        out.print(f"[dim]{len(self._tables.views())} views; {_HELP}[/]", highlight=False)
        text = ""
        while True:
            try:
                text += self._read(_NEXT if text else _FIRST) + "\n"
                if not text.strip() or text.strip() in (r"\q", "exit", "quit"):
                    if text.strip():
                        return
                    text = ""
                elif text.startswith("\\"):
                    self._command(text.split())
                    text = ""
                elif strip_semicolon(text)[1]:
                    query, text = text, ""
                    for one in self._tables.queries(query):
                        print_rows(out, self._tables, one, self._limit)
            except MlopsError as error:
                print_error(err, error.message, error.hint)
                text = ""
            except KeyboardInterrupt:
                out.print()
                text = ""
            except EOFError:
                out.print()
                return

    def _command(self, words: list[str]) -> None:
        views = self._tables.views()
        match words:
            case [r"\d"]:
                for name, columns in views.items():
                    out.print(f"{escape(name)}  [dim]{len(columns)} columns[/]", highlight=False)
            case [r"\d", name] if name.rstrip(";") in views:
                for column, kind in views[name.rstrip(";")]:
                    out.print(f"{escape(column)}  [dim]{escape(kind)}[/]", highlight=False)
            case [r"\d", name]:
                print_error(err, f"there is no view {name}", r"list the views with \d")
            case _:
                out.print(_HELP, markup=False, highlight=False)

    def _prepare_line_editing(self) -> None:
        """Enable the history and completion with Tab, if Python was built with readline."""
        with suppress(ImportError):
            import atexit
            import readline

            names = [*self._tables.views(), "select ", "from ", "where ", "group by ", "order by "]
            if self._history:
                with suppress(OSError):  # missing or not readable
                    readline.read_history_file(self._history)
                atexit.register(_save_history, self._history)
            readline.set_history_length(_HISTORY_LINES)
            readline.set_completer_delims(" \t\n,()")
            readline.set_completer(
                lambda word, place: [*(name for name in names if name.startswith(word)), None][place]
            )
            readline.parse_and_bind("tab: complete")


def _save_history(path: Path) -> None:
    import readline

    with suppress(OSError):  # the prompt also works without a history
        readline.write_history_file(path)
        path.chmod(0o600)
