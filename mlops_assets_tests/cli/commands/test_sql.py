"""`mlops sql`: the rows of a query as a table, as JSON and at the prompt."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mlops_assets.cli.app import app
from mlops_assets.cli.output.sql_prompt import Prompt, history_file
from mlops_assets.cli.output.table_output import print_rows
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.query_views import read_only
from mlops_assets.stores.warehouse.warehouse import Warehouse


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A project root whose warehouse has one table, and no definitions at all."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text('[tool.dg]\ndirectory_type = "project"\n', "utf-8")
    warehouse = Warehouse(folder / "data" / "state" / "warehouse")
    with warehouse.connect() as connection:
        rows = connection.sql("select i as number, 'name ' || i as name from range(100) t(i)")
        warehouse.write(("shop", "validated_orders"), rows)
    return folder


@pytest.fixture
def mlops(root, monkeypatch):
    monkeypatch.chdir(root)
    return lambda *arguments, typed=None: CliRunner().invoke(app, ["sql", *arguments], input=typed)


def test_rows_are_printed_as_a_table_and_the_rest_is_counted(mlops):
    done = mlops("from shop.validated_orders order by number", "--rows", "2")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["number  name  ", "     0  name 0", "     1  name 1", "98 more rows"]
    assert len(mlops("from shop.validated_orders").stdout.splitlines()) == 101


def test_a_terminal_shows_the_columns_that_fit(root, capsys):
    with read_only(Warehouse(root / "data" / "state" / "warehouse")) as tables:
        wide = "select " + ", ".join(f"'{'x' * 30}' as column_{n}" for n in range(4))
        print_rows(Console(force_terminal=True, width=80, no_color=True), tables, wide, 40)
    output = capsys.readouterr().out
    assert "2 more columns: column_2, column_3" in output
    assert output.count("x" * 30) == 2


def test_json_is_a_list_of_objects_alone_on_stdout(mlops):
    query = """
    select 1.50::decimal(9, 2) as price, date '2024-02-29' as day, timestamp '2024-02-29 10:00' as at,
        'nan'::double as nothing, '-inf'::double as least, {'tags': ['a', null]} as nested,
        map {1: true} as flags, '\\xAA'::blob as bytes, null as missing, 'é' as text,
        170141183460469231731687303715884105727::hugeint as large
    """
    done = mlops(query, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == [
        {
            "price": 1.5,
            "day": "2024-02-29",
            "at": "2024-02-29T10:00:00",
            "nothing": None,
            "least": None,
            "nested": {"tags": ["a", None]},
            "flags": {"1": True},
            "bytes": "aa",
            "large": 170141183460469231731687303715884105727,
            "missing": None,
            "text": "é",
        }
    ]
    assert json.loads(mlops("from shop.validated_orders where false", "--json").stdout) == []
    assert len(json.loads(mlops("from shop.validated_orders", "--json").stdout)) == 100


def test_queries_come_from_stdin_too(mlops):
    done = mlops(typed="select 1 as one; -- and\nselect 2 as two\n")
    assert done.stdout.split() == ["one", "1", "two", "2"]


@pytest.mark.parametrize(
    ("arguments", "typed", "message"),
    [
        (("selekt",), None, 'error: the query failed: syntax error at or near "selekt"'),
        (("drop view shop.validated_orders",), None, "error: DROP is not allowed: queries are read-only"),
        ((), "", "error: there is no query"),
        (("--json", "select 1; select 2"), None, "error: --json accepts one query only"),
        (("select error('no')", "--json"), None, "error: the query failed: no"),
    ],
)
def test_an_error_is_printed_to_stderr(mlops, arguments, typed, message, record_property):
    done = mlops(*arguments, typed=typed)
    assert done.exit_code == 1
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.output
    record_property("message", done.stderr)


@pytest.mark.parametrize("damaged", ["_delta_log/00000000000000000000.json", "*.parquet"])
def test_a_damaged_table_is_reported_and_the_others_are_read(root, mlops, damaged, record_property):
    warehouse = Warehouse(root / "data" / "state" / "warehouse")
    with warehouse.connect() as connection:
        warehouse.write(("shop", "raw_orders"), connection.sql("select 1 as number"))
    [file] = (warehouse.root / "shop" / "raw_orders").glob(damaged)
    file.write_bytes(file.read_bytes()[:-30])
    done = mlops("select count(*) as n from shop.validated_orders", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [{"n": 100}])
    problem = ", version 1: data file " if damaged == "*.parquet" else " can't be read"
    assert done.stderr.startswith(f"skipped: table shop.raw_orders{problem}")
    assert "hint: " in done.stderr
    record_property("message", done.stderr)
    done = mlops("from shop.raw_orders")
    assert done.exit_code == 1
    assert "raw_orders does not exist" in done.stderr
    shutil.rmtree(warehouse.root / "shop" / "raw_orders")


def test_the_prompt_reads_up_to_a_semicolon_and_continues_after_an_error(root, capsys):
    typed = iter(
        [
            "\\d",
            "\\d shop.validated_orders",
            "selekt;",
            "select ';' as a,",
            "  2 as b; -- two",
            "\\d no",
            "\\q",
            "no",
        ]
    )
    asked = []

    def read(prompt: str) -> str:
        asked.append(prompt)
        return next(typed)

    with read_only(Warehouse(root / "data" / "state" / "warehouse")) as tables:
        Prompt(tables, 40, root / "history", read=read).loop()
    printed = capsys.readouterr()
    assert "shop.validated_orders  2 columns" in printed.out
    assert "number  BIGINT" in printed.out
    assert ";  2" in printed.out
    assert 'syntax error at or near "selekt"' in printed.err
    assert "there is no view no" in printed.err
    assert asked == ["mlops> "] * 4 + ["   ...> "] + ["mlops> "] * 2
    assert next(typed) == "no"


def test_the_history_of_the_prompt_can_be_switched_off(tmp_path, monkeypatch):
    assert history_file(tmp_path) == tmp_path / "sql_history"
    monkeypatch.setenv("MLOPS_SQL_HISTORY", "off")
    assert history_file(tmp_path) is None
    monkeypatch.setenv("MLOPS_SQL_HISTORY", "no")
    with pytest.raises(StoreError, match="MLOPS_SQL_HISTORY is 'no'\n  hint: set it to on or off"):
        history_file(tmp_path)


def test_the_history_of_the_prompt_is_for_its_user_alone(tmp_path):
    code = (
        "import sys; from mlops_assets.cli.output.sql_prompt import Prompt; from pathlib import Path;"
        "from mlops_assets.stores.warehouse.query_views import read_only;"
        "from mlops_assets.stores.warehouse.warehouse import Warehouse\n"
        "with read_only(Warehouse(Path(sys.argv[1]))) as tables:\n"
        "    Prompt(tables, 1, Path(sys.argv[2])).loop()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "warehouse"), str(tmp_path / "history")]
    subprocess.run(command, input="select 1;\n", capture_output=True, text=True, check=True, cwd=tmp_path)
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o600


def test_a_query_loads_no_definitions_and_no_dagster(root):
    code = (
        "import sys; from mlops_assets.cli.app import app; app(['sql', 'select 1'], standalone_mode=False);"
        "print(sorted({'dagster', 'mlflow', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command", [("sql", "select 1"), ("history", "shop"), ("data", "versions", "shop", "features")]
)
def test_a_state_directory_of_another_layout_is_not_read(root, tmp_path, monkeypatch, command):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "layout.json").write_text('{"layout": 1, "written_by": "0.1.0"}')
    monkeypatch.chdir(root)
    monkeypatch.setenv("MLOPS_STATE_DIR", str(tmp_path / "state"))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert "has layout 1, written by mlops_assets 0.1.0" in " ".join(done.stderr.split())
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["layout.json"]
