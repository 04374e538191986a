"""The sample projects with small models, and a client of a service that answers with them."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from mlops_assets.serving.engine.engine import Engine
from mlops_assets.serving.http.app import create_app
from mlops_assets_tests.support.served_samples import CHURN, HOUSING, Samples, train_samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return train_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def engine(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return samples.engine(tmp_path_factory.mktemp("engine"), HOUSING, CHURN)


@pytest.fixture(scope="session")
def client(engine: Engine) -> Iterator[TestClient]:
    with TestClient(create_app(engine), raise_server_exceptions=False) as found:
        yield found
