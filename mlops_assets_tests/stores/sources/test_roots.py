"""Where a run may read another source than the declared one."""

import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.sources.roots import require_within_roots


@pytest.fixture
def base(tmp_path):
    for folder in ("data/raw", "data/raw2", "corrections", "secret"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/raw/link").symlink_to(tmp_path / "secret")
    return tmp_path


def is_allowed(base, given, declared="data/raw/*.csv", more=()):
    try:
        require_within_roots(given, declared, more, base=base, subject="shop: table orders")
    except ProjectError:
        return False
    return True


@pytest.mark.parametrize(
    "declared", ["data/raw/*.csv", "data/raw", "data/raw/", "data/raw/a.csv", "data/raw/*/b.csv"]
)
def test_the_folder_of_the_declared_source_may_be_read(base, declared):
    for given in ("data/raw/other.csv", "data/raw", "data/raw/*/c.csv", "data/raw2/../raw/a.csv"):
        assert is_allowed(base, given, declared), given
    assert is_allowed(base, str(base / "data/raw/other.csv"), declared)
    assert is_allowed(base, f"file://{base}/data/raw/other.csv", declared)


@pytest.mark.parametrize(
    "given",
    [
        "/etc/passwd",
        "~/x.csv",
        "data/raw2/a.csv",
        "data/*/a.csv",
        "data/raw/../raw2/a.csv",
        "data/raw/*/../../../secret/a.csv",
        "data/raw/link/a.csv",
        "file:///etc/passwd",
        "file:///etc/%70asswd",
        "s3://bucket/a.csv",
        "https://evil.example/data/raw/a.csv",
        "simplecache::file:///etc/passwd",
        "*",
        "",
    ],
)
def test_other_places_are_refused(base, given):
    assert not is_allowed(base, given)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ("s3://bucket/orders/2024.parquet", True),
        ("s3://bucket/orders/*.parquet", True),
        ("s3://bucket/orders2/a.parquet", False),
        ("s3://bucket2/orders/a.parquet", False),
        ("s3://bucket/orders/../keys/a.parquet", False),
        ("s3://bucket/orders/%2e%2e/keys/a.parquet", False),
        ("gs://bucket/orders/a.parquet", False),
        ("filecache::s3://bucket/orders/a.parquet", False),
        ("data/raw/a.csv", False),
    ],
)
def test_a_url_is_below_the_folder_of_the_declared_url(base, given, allowed):
    for declared in (
        "s3://bucket/orders/*.parquet",
        {"url": "s3://bucket/orders/"},
        "s3://bucket/orders/a.csv",
    ):
        assert is_allowed(base, given, declared) == allowed


def test_declared_roots_are_added_and_a_query_has_no_folder_of_its_own(base):
    query = {"sql": "select 1", "database": "CRM"}
    assert not is_allowed(base, "corrections/a.csv", query)
    assert is_allowed(base, "corrections/a.csv", query, ["corrections", "s3://bucket/fixes"])
    assert is_allowed(base, "s3://bucket/fixes/a.csv", query, ["corrections", "s3://bucket/fixes"])


def test_the_refusal_names_source_roots_and_remedy_without_credentials(base):
    given = "https://me:hunter2@host/a.csv"
    with pytest.raises(ProjectError) as refused:
        require_within_roots(given, "data/raw/*.csv", ["x"], base=base, subject="shop: table orders")
    assert "names the source https://host/a.csv, which is not below a folder or URL" in str(refused.value)
    assert "data/raw, x" in str(refused.value)
    assert "source_roots" in refused.value.hint
    assert "hunter2" not in str(refused.value)
