"""Options of a service before it starts."""

import pytest

from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.checked_options import exposure_notes, service_options
from mlops_assets.serving.keys.api_key import new_key
from mlops_assets.serving.keys.key_file import changed_keys, default_key_file
from mlops_assets.serving.options import ServiceOptions
from mlops_assets_tests.support.certificates import write_certificate


def _create_key(file) -> None:
    with changed_keys(file, print) as keys:
        keys.append(new_key("shop", ["churn"])[1])


def test_this_machine_alone_needs_no_key_and_other_machines_do(tmp_path):
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        assert service_options(tmp_path, host).keys_optional
    for host in ("0.0.0.0", "::", "10.0.0.5", "models.internal"):
        with pytest.raises(MlopsError, match="no API key is required") as found:
            service_options(tmp_path, host, allowed_hosts=["models.internal"])
        assert "mlops keys create" in found.value.hint
        options = service_options(tmp_path, host, allowed_hosts=["models.internal"], no_keys=True)
        assert "no API key" in exposure_notes(options)[0]
        assert not options.any_host
    with pytest.raises(MlopsError, match="no name is allowed to open it"):
        service_options(tmp_path, "0.0.0.0", no_keys=True)


def test_keys_are_required_as_soon_as_one_was_created(tmp_path):
    _create_key(default_key_file(tmp_path))
    options = service_options(tmp_path, "127.0.0.1")
    assert (options.keys, options.keys_optional) == (str(default_key_file(tmp_path)), False)
    assert service_options(tmp_path, "127.0.0.1", no_keys=True).keys is None
    assert service_options(tmp_path, "0.0.0.0").any_host
    assert not service_options(tmp_path, "0.0.0.0", allowed_hosts=["models.internal"]).any_host
    assert "not encrypted" in exposure_notes(service_options(tmp_path, "0.0.0.0"))[0]


def test_options_arrive_in_the_processes_that_answer(tmp_path):
    _create_key(tmp_path / "own.json")
    certificate, key = write_certificate(tmp_path)
    options = service_options(
        tmp_path,
        "0.0.0.0",
        allowed_hosts=["models.internal:8443"],
        cors_origins=["https://app.example.com"],
        keys=tmp_path / "own.json",
        max_concurrency=8,
        log_json=True,
        tls_certificate=certificate,
        tls_key=key,
    )
    options.write(tmp_path)
    assert ServiceOptions.read(tmp_path) == options
    assert options.scheme == "https"
    assert exposure_notes(options) == []


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/page",
        "https://App.example.com",
        "https://app.example.com:443",
        "ftp://app.example.com",
    ],
)
def test_an_origin_that_no_browser_sends_is_an_error(tmp_path, origin):
    with pytest.raises(MlopsError, match="is not an origin of pages"):
        service_options(tmp_path, "127.0.0.1", cors_origins=[origin])


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://app.example.com", "http://[::1]:8080"])
def test_an_origin_as_browsers_send_it_is_accepted(tmp_path, origin):
    assert service_options(tmp_path, "127.0.0.1", cors_origins=[origin]).cors_origins == (origin,)


def test_files_that_do_not_fit_are_one_error_each(tmp_path):
    certificate, key = write_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, encrypted = write_certificate(tmp_path / "other", passphrase=b"secret words")
    cases = {
        "--tls-key requires --tls-cert": {"tls_key": key},
        "are not a certificate chain and its private key": {"tls_certificate": key, "tls_key": key},
        "encrypted": {"tls_certificate": certificate, "tls_key": encrypted},
        "No such file": {"tls_certificate": tmp_path / "none.pem"},
        "there is no file of API keys": {"keys": tmp_path / "none.json"},
        "--keys and --no-keys contradict": {"keys": tmp_path / "none.json", "no_keys": True},
    }
    for message, options in cases.items():
        with pytest.raises(MlopsError, match=message):
            service_options(tmp_path, "127.0.0.1", **options)
