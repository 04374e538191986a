"""The manifest of a model's folder: the digests of its files, which can be verified without loading it."""

import json
from pathlib import Path
from typing import Any

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import ModelError

LOADER_MODULE = "mlops_assets.ml.model.artifact"
"""The module that loads the model, as MLflow's `MLmodel` names it."""
HINT = "do not use this model; roll back to another version or train again"
_MANIFEST = "manifest.json"


def write_manifest(folder: Path, digest: str) -> None:
    """Write the manifest of a complete folder.

    Parameters
    ----------
    digest
        The digest of the model.
    """
    manifest = {"digest": digest, "files": _file_digests(folder)}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True), "utf-8")


def verify(folder: Path) -> dict[str, Any]:
    """Compare the digest of each file of a model's folder with the manifest, without parsing the files.

    Returns
    -------
    The manifest.

    Raises
    ------
    ModelError
        If the manifest cannot be read, or a file is missing, changed or not in the manifest.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text("utf-8"))
        recorded, _ = dict(manifest["files"]), manifest["digest"]
        found = _file_digests(folder)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder} has no valid model manifest: {error}") from error
    differing = sorted(
        name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name)
    )
    if differing:
        verb = "does" if len(differing) == 1 else "do"
        raise ModelError(
            f"{folder}: {', '.join(differing)} {verb} not match the manifest",
            hint=HINT,
        )
    return manifest


def manifest_digest(folder: Path) -> str:
    """SHA-256 of the manifest of a model's folder.

    Stored elsewhere, it reveals a manifest that was rewritten to match changed files.
    """
    try:
        return file_digest(folder / _MANIFEST)
    except OSError as error:
        raise ModelError(f"{folder} has no valid model manifest: {error}") from error


def _file_digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / _MANIFEST)
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
