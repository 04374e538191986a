"""A project whose folder was renamed is offered its history, and never starts again silently."""

from pathlib import Path

import yaml

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.command_line import flat, mlops


def rename(place: Path, old: str, new: str) -> Path:
    [folder] = place.glob(f"*/defs/{old}")
    return folder.rename(folder.with_name(new))


def projects(place: Path) -> set[str]:
    return {table[0] for table in Warehouse(place / "data" / "state" / "warehouse").tables()}


def test_a_renamed_project_is_offered_its_history_and_continues_it_by_its_name(place, record_property):
    assert mlops("run", "lending", "--until", "features").exit_code == 0
    folder = rename(place, "lending", "loans_2026")
    done = mlops("run", "loans_2026")
    assert done.exit_code == 1
    message = flat(done.output)
    assert "loans_2026 has no history yet, and the state directory has that of lending" in message
    assert f"add `name: lending` to the attributes in {folder}/defs.yaml" in message
    assert projects(place) == {"lending"}
    record_property("message", done.output)
    done = mlops("doctor")
    assert done.exit_code == 0, done.output
    assert "no project declares those of lending" in flat(done.output)

    file = folder / "defs.yaml"
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"]["name"] = "lending"
    file.write_text(yaml.safe_dump(declared), "utf-8")
    done = mlops("run", "lending", "--until", "features")
    assert (done.exit_code, "lending is up to date" in flat(done.output)) == (0, True), done.output


def test_a_project_with_other_tables_and_a_chosen_new_history_start_from_nothing(place):
    assert mlops("run", "lending", "--until", "raw_loans").exit_code == 0
    folder = rename(place, "lending", "fresh")
    assert mlops("run", "fresh", "--until", "raw_loans").exit_code == 1
    done = mlops("run", "fresh", "--until", "raw_loans", "--new-history")
    assert done.exit_code == 0, done.output
    assert projects(place) == {"lending", "fresh"}
    assert mlops("run", "fresh", "--until", "raw_loans").exit_code == 0
    file = folder.rename(folder.with_name("third")) / "defs.yaml"
    file.write_text(file.read_text("utf-8").replace("loans:", "credits:"), "utf-8")
    schema = file.with_name("schema.py")
    schema.write_text(schema.read_text("utf-8").replace("class Loans", "class Credits"), "utf-8")
    sql = file.with_name("features.sql")
    sql.write_text(sql.read_text("utf-8").replace("from loans", "from credits"), "utf-8")
    done = mlops("run", "third", "--until", "raw_credits")
    assert done.exit_code == 0, done.output
