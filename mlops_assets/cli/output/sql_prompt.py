"""The prompt of `mlops sql`."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlops_assets.cli.output.console import err, fail, out
from mlops_assets.cli.output.table_output import print_rows
from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.warehouse.query_views import ReadOnlyTables, strip_semicolon

_FIRST, _NEXT = "mlops> ", "   ...> "
_HELP = "a query ends with ;  \\d lists the views  \\d VIEW its columns  \\q leaves  Ctrl-C stops a query"
_KEPT_LINES = 1_000


class Prompt:
    """Reads queries until the end of input, and shows their rows.

    Parameters
    ----------
    limit
        How many rows of each query are shown; None for all.
    history
        The file that keeps what was typed.
    read
        Gives the next line; it is told what to ask with.
    """

    def __init__(
        self,
        tables: ReadOnlyTables,
        limit: int | None,
        history: Path,
        *,
        read: Callable[[str], str] = input,
    ) -> None:
        self._tables, self._limit, self._history, self._read = tables, limit, history, read

    def loop(self) -> None:
        """Ask and answer until `\\q` or Ctrl-D."""
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
                fail(err, error.message, error.hint)
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
                    out.print(f"{name}  [dim]{len(columns)} columns[/]", highlight=False)
            case [r"\d", name] if name.rstrip(";") in views:
                for column, kind in views[name.rstrip(";")]:
                    out.print(f"{column}  [dim]{kind}[/]", highlight=False)
            case [r"\d", name]:
                fail(err, f"there is no view {name}", r"\d lists them")
            case _:
                out.print(_HELP, markup=False, highlight=False)

    def _prepare_line_editing(self) -> None:
        """History and names by the Tab key, where Python was built with readline."""
        with suppress(ImportError):
            import atexit
            import readline

            names = [*self._tables.views(), "select ", "from ", "where ", "group by ", "order by "]
            with suppress(OSError):  # none yet, or none that may be read
                readline.read_history_file(self._history)
            readline.set_history_length(_KEPT_LINES)
            readline.set_completer_delims(" \t\n,()")
            readline.set_completer(
                lambda word, place: [*(name for name in names if name.startswith(word)), None][place]
            )
            readline.parse_and_bind("tab: complete")
            atexit.register(_keep_history, self._history)


def _keep_history(path: Path) -> None:
    import readline

    with suppress(OSError):  # a prompt without history is a prompt all the same
        readline.write_history_file(path)
