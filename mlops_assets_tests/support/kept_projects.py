"""Trained projects: made once in a test run, and copied by the tests that start from them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.daemon import load_instance, save_instance
from mlops_assets_tests.support.dg_project import FIRST_RUN, copy_dg_project, enter_dg_project
from mlops_assets_tests.support.governed_shop import PENDING, train
from mlops_assets_tests.support.kept import Kept
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, materialize
from mlops_assets_tests.support.loans import CODED_SCHEMA, coded_loans, enter_lending_project, loans
from mlops_assets_tests.support.loans_project import loans_project
from mlops_assets_tests.support.shop import MONTHS, KeptShop, Shop
from mlops_assets_tests.support.shop_project import CUSTOM_ASSETS, enter_shop_project
from mlops_assets_tests.support.split_features import SPLIT_FEATURES_SQL

KeepShop = Callable[[str, Callable[[Path, dg.DagsterInstance], Shop]], KeptShop]


def enter_copy(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch, project: str) -> Path:
    """Copy a kept dg project, as the working directory of commands."""
    copy_dg_project(source, root, project)
    return enter_dg_project(root, monkeypatch)


@pytest.fixture(scope="session")
def keep_shop(kept: Kept, tmp_path_factory: pytest.TempPathFactory, empty_tracking_store: Path) -> KeepShop:
    """A function that keeps the shop that another one makes in a folder, with an instance."""
    root = tmp_path_factory.mktemp("shop") / "work"
    Shop.make_state(root / "state", empty_tracking_store)

    def keep(name: str, make: Callable[[Path, dg.DagsterInstance], Shop]) -> KeptShop:
        def make_and_keep(folder: Path) -> None:
            with dg.DagsterInstance.ephemeral() as known:
                KeptShop.keep(make(folder.with_name(f"{name}-made"), known), folder)

        return KeptShop(kept.folder(name, make_and_keep), root, empty_tracking_store)

    return keep


@pytest.fixture(scope="session")
def arrived_shop(keep_shop: KeepShop, empty_tracking_store: Path) -> KeptShop:
    def arrive(root: Path, known: dg.DagsterInstance) -> Shop:
        made = Shop(root, empty_tracking_store, known)
        for month in MONTHS[:5]:
            made.write(month)
        made.daemon.follow()
        made.ingest(*MONTHS[:5])
        return made

    return keep_shop("arrived_shop", arrive)


@pytest.fixture(scope="session")
def trained_shop(keep_shop: KeepShop, arrived_shop: KeptShop) -> KeptShop:
    def make(_: Path, known: dg.DagsterInstance) -> Shop:
        made = arrived_shop.restored(known)
        assert made.train(MONTHS[4]).success
        made.daemon.settle()
        return made

    return keep_shop("trained_shop", make)


@pytest.fixture(scope="session")
def pending_shop(keep_shop: KeepShop, trained_shop: KeptShop) -> KeptShop:
    def make(_: Path, known: dg.DagsterInstance) -> Shop:
        made = trained_shop.restored(known)
        made.declare(settings=PENDING)
        train(made, MONTHS[5])
        return made

    return keep_shop("pending_shop", make)


@pytest.fixture
def shop(arrived_shop: KeptShop, instance: dg.DagsterInstance) -> Shop:
    """A shop with five months of arrivals and the assets that automation derives from them."""
    return arrived_shop.restored(instance)


@pytest.fixture
def champion_shop(trained_shop: KeptShop, instance: dg.DagsterInstance) -> Shop:
    """A shop with a champion, of the cut-off of the fifth month, and its predictions."""
    return trained_shop.restored(instance)


@pytest.fixture(scope="session")
def trained_lending(kept: Kept, empty_tracking_store: Path) -> Path:
    """A dg project of loans with version 1 as champion; the output of its run is kept in a file."""

    def run(root: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            files = {"schema.py": CODED_SCHEMA}
            enter_lending_project(root, patch, empty_tracking_store, family="xgboost", files=files)
            coded_loans().to_csv(root / "data" / "loans.csv", index=False)
            done = mlops("run", "lending")
            assert "models:/lending@champion is version 1" in flat(done.output), done.output
            (root / FIRST_RUN).write_text(done.output, "utf-8")

    return kept.folder("lending", run)


@pytest.fixture(scope="session")
def kept_loans(kept: Kept, empty_tracking_store: Path) -> Path:
    """The project of `make_project` with 1,000 loans and a champion, and the databases of its instance."""

    def run(root: Path) -> None:
        project = loans_project(root)
        (root / "data").mkdir()
        loans(1000).to_csv(root / "data" / "loans.csv", index=False)
        stores = resources(Shop.make_state(root / "state", empty_tracking_store))
        with dg.DagsterInstance.ephemeral() as known:
            done = materialize([build(project) for build in LOAN_DATA + LOAN_MODEL], stores, known)
            assert done.success
            save_instance(known, root)

    return kept.folder("loans", run)


@pytest.fixture
def trained_loans(
    kept_loans: Path, state: StateDirectory, instance: dg.DagsterInstance, make_project: Any
) -> Project:
    """The project of `make_project` with a champion, in the stores of the test."""
    root = state.root.parent
    shutil.copytree(kept_loans / "data", root / "data")
    shutil.copytree(kept_loans / "state", root / "state", dirs_exist_ok=True)
    load_instance(kept_loans, instance)
    return make_project()


@pytest.fixture
def lending(trained_lending: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trained project of loans, as the working directory of commands."""
    return enter_copy(trained_lending, tmp_path / "copy", monkeypatch, "lending")


@pytest.fixture(scope="session")
def kept_shop_of_targets(kept: Kept, empty_tracking_store: Path) -> Path:
    """A dg project with the shop, whose first five months were run until the target.

    Its features fail a check in a month with a huge purchase, of which there is none.
    """

    def run(root: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            enter_shop_project(root, patch, empty_tracking_store)
            [features] = root.glob("*/defs/shop/features.sql")
            features.write_text(SPLIT_FEATURES_SQL, "utf-8")
            done = mlops("run", "shop", "--partitions", "2024-01..2024-05", "--until", "target")
            assert done.exit_code == 0, done.output

    return kept.folder("shop_of_targets", run)


@pytest.fixture
def shop_of_targets(kept_shop_of_targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project with the targets of its first months, as the working directory of commands."""
    return enter_copy(kept_shop_of_targets, tmp_path / "project", monkeypatch, "shop")


@pytest.fixture(scope="session")
def kept_champion_project(kept: Kept, empty_tracking_store: Path) -> Path:
    """A dg project with the shop and custom assets, after a first run, whose output is kept in a file."""

    def run(root: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            enter_shop_project(root, patch, empty_tracking_store)
            [folder] = root.glob("*/defs/shop")
            (folder / "assets.py").write_text(CUSTOM_ASSETS, "utf-8")
            done = mlops("run", "shop")
            assert done.exit_code == 0, done.output
            (root / FIRST_RUN).write_text(done.output, "utf-8")

    return kept.folder("champion_project", run)


@pytest.fixture
def champion_project(kept_champion_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project after its first run, as the working directory of commands."""
    return enter_copy(kept_champion_project, tmp_path / "project", monkeypatch, "shop")
