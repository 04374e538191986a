"""If one of these fails, MLflow moved or changed an internal of `mlops_assets.compat.mlflow`."""

import logging
import sqlite3
from contextlib import closing

from mlflow import MlflowClient

from mlops_assets.compat.mlflow import (
    SCHEMA_LOGGER,
    ArtifactRepository,
    create_database,
    get_artifact_repository,
    schema_revisions,
)


def test_a_created_database_has_the_newest_known_schema_and_is_opened_by_mlflow(tmp_path):
    create_database(tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        [(revision,)] = database.execute("select version_num from alembic_version").fetchall()
    assert revision in schema_revisions()
    [experiment] = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_experiments()
    assert experiment.name == "Default"


def test_the_schema_logger_is_the_one_that_reports_new_tables(tmp_path, caplog):
    with caplog.at_level(logging.INFO, SCHEMA_LOGGER):
        logging.getLogger(SCHEMA_LOGGER).addHandler(caplog.handler)
        create_database(tmp_path / "mlflow.db")
        logging.getLogger(SCHEMA_LOGGER).removeHandler(caplog.handler)
    assert any(record.name == SCHEMA_LOGGER for record in caplog.records)


def test_an_artifact_repository_lists_and_removes_files(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("{}", "utf-8")
    repository = get_artifact_repository(str(tmp_path / "model"))
    assert isinstance(repository, ArtifactRepository)
    assert [(file.path, file.file_size, file.is_dir) for file in repository.list_artifacts(None)] == [
        ("weights.json", 2, False)
    ]
    repository.delete_artifacts()
    assert not (tmp_path / "model").exists()
