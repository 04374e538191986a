#!/usr/bin/env bash
# mlflow-skinny 3.17.0 with SQLAlchemy and alembic, Python 3.11 (November 2026)
#
# What one expects: downloading a logged model whose files are gone (the artifact folder was moved, deleted or expired) fails,
# as downloading the same folder by its `file:` URI does.
# What happens: `download_artifacts("models:/m-…")` returns the destination, an empty folder, and raises nothing; so does
# `models:/name/1`. Code that checks a model by downloading it finds a lost model intact.
#
#   download_artifacts(artifact_uri="models:/m-…")    -> an existing, empty folder
#   download_artifacts(artifact_uri="models:/lost/1") -> an existing, empty folder
#   download_artifacts(artifact_uri="file:///…")      -> MlflowException: No such artifact
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.0 "sqlalchemy>=2,<3" alembic pandas
cd "$folder"
MLFLOW_DISABLE_TELEMETRY=true "$folder/venv/bin/python" - <<'PYTHON'
import logging
import os
import shutil
from pathlib import Path
from urllib.parse import urlparse

import mlflow
from mlflow import MlflowClient

logging.disable(logging.INFO)
uri = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
mlflow.set_tracking_uri(uri)
client = MlflowClient(uri, uri)
experiment = client.create_experiment("lost", artifact_location=(Path.cwd() / "artifacts").as_uri())
run = client.create_run(experiment).info.run_id
model = client.create_logged_model(experiment, source_run_id=run)
files = Path(urlparse(model.artifact_location).path)
files.mkdir(parents=True)
(files / "MLmodel").write_text("flavors: {}\n")
client.create_registered_model("lost")
client.create_model_version("lost", model.model_uri, run, model_id=model.model_id)
shutil.rmtree(files)

found = {}
for source in (model.model_uri, "models:/lost/1", model.artifact_location):
    target = Path.cwd() / f"download-{len(found)}"
    target.mkdir()
    try:
        got = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(target))
        found[source.partition(":")[0] + str(len(found))] = (os.path.isdir(got), os.listdir(got))
    except Exception as error:
        found[source.partition(":")[0] + str(len(found))] = type(error).__name__
print(mlflow.__version__, found)
assert found == {"models0": (True, []), "models1": (True, []), "file2": "MlflowException"}, found
PYTHON
