"""Files of the repository that must agree: versions, hooks, the workflow, and the recorded figures."""

import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.sample_figures import RECORDED, differences

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINNED = {
    canonicalize_name(name): version.partition(";")[0]
    for name, _, version in (
        line.partition("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    )
}
LOCKS = {"requirements.lock": "constraints.txt", ".github/audit/tools.lock": ".github/audit/tools.txt"}
OPTIONAL = [text for group in ("dev", "docs", "postgres") for text in PROJECT["optional-dependencies"][group]]
DECLARED = [text for text in (*PROJECT["dependencies"], *OPTIONAL) if not text.startswith("mlops-assets")]


@pytest.mark.parametrize("text", DECLARED)
def test_the_pinned_version_of_a_dependency_is_in_its_declared_range(text):
    declared = Requirement(text)
    assert declared.specifier.contains(PINNED[canonicalize_name(declared.name)])
    assert any(bound.operator == ">=" for bound in declared.specifier), "without a lower bound"


def requirements(path: str) -> dict[str, tuple[str, str]]:
    """Version and marker of each requirement of a file."""
    text = re.sub(r"\\\n\s*--hash=\S+|#.*", "", (ROOT / path).read_text("utf-8"))
    found = [Requirement(line.strip("\\ ")) for line in text.splitlines() if line.strip()]
    return {canonicalize_name(one.name): (str(one.specifier), str(one.marker or "")) for one in found}


def test_the_lock_has_the_versions_and_markers_of_the_constraints():
    assert requirements("requirements.lock") == requirements("constraints.txt")
    tools = requirements(".github/audit/tools.txt")
    assert tools == {name: requirements(".github/audit/tools.lock")[name] for name in tools}


@pytest.mark.parametrize("path", LOCKS)
def test_every_locked_version_has_hashes_and_no_index_is_named(path):
    text = (ROOT / path).read_text("utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(entries) == len(requirements(path))
    for entry in entries:
        _, *hashes = entry.split(" \\\n    ")
        assert hashes, entry
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), entry


def test_installation_requires_hashes_and_builds_nothing():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    installs = re.findall(r"-m pip install (.*)", makefile)
    assert len(installs) == 3
    for options in installs:
        hashed = "--require-hashes" in options and "--only-binary :all:" in options
        assert hashed or options.endswith("--no-deps --no-build-isolation --editable .")
    # Without --strict, packages that could not be looked up are no failure.
    assert re.findall(r"pip-audit (.*)", makefile) == [
        "--strict --require-hashes --disable-pip --requirement requirements.lock"
    ]
    for page in ("README.md", "docs/getting_started.md"):
        assert "--require-hashes --no-deps --requirement requirements.lock" in (ROOT / page).read_text(
            "utf-8"
        )


def hooks() -> dict[str, dict]:
    return {
        hook["id"]: {**hook, "repo": repository["repo"], "rev": repository["rev"]}
        for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
        for hook in repository["hooks"]
    }


@pytest.mark.parametrize(
    ("hook", "tool"), [("ruff-check", "ruff"), ("ruff-format", "ruff"), ("mypy", "mypy")]
)
def test_a_hook_runs_the_version_of_make_check(hook, tool):
    assert hooks()[hook]["rev"] == f"v{PINNED[tool]}"


def test_packages_beside_the_mypy_hook_are_those_of_make_check():
    for pin in hooks()["mypy"]["additional_dependencies"]:
        name, _, version = pin.partition("==")
        assert version == PINNED[canonicalize_name(name)], name


def test_hooks_need_no_environment_of_ours():
    assert {"check-yaml", "check-toml", "check-added-large-files", "end-of-file-fixer"} <= set(hooks())
    assert all(hook["repo"].startswith("https://") for hook in hooks().values())


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.y*ml")), ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path):
    used = re.findall(r"uses: (\S+)(?: # (v[\d.]+))?", path.read_text("utf-8"))
    for action, version in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
            assert version, f"{action} without its version"


def test_the_workflow_reads_only_and_its_stages_follow_one_another():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    stages = ["quality", "data-validation", "training", "evaluation", "integration", "package"]
    for before, stage in pairwise(stages):
        needed = workflow["jobs"][stage]["needs"]
        assert before in ([needed] if isinstance(needed, str) else needed)
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


def test_a_figure_beyond_its_tolerance_is_a_difference():
    recorded = json.loads(RECORDED.read_text("utf-8"))
    same = {**recorded["exact"], "metrics": {name: value for name, (value, _) in recorded["metrics"].items()}}
    assert list(differences(same, recorded)) == []
    worse = {**same, "metrics": {**same["metrics"], "roc_auc": 0.7}}
    [found] = differences(worse, recorded)
    assert found.startswith("roc_auc is 0.7, recorded 0.83")
    [gone] = differences({**same, "metrics": {**same["metrics"], "roc_auc": float("nan")}}, recorded)
    assert "nan" in gone
