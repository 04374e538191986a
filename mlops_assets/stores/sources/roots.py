"""The folders and URLs below which a run may read another source than the declared one."""

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from urllib.request import url2pathname

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.redaction.addresses import shown_address
from mlops_assets.stores.sources.base import SourceSpec

_GLOB = re.compile(r"[*?\[]")
_LOCAL = "file://"


def require_within_roots(
    given: str, declared: SourceSpec, more: Iterable[str], *, base: Path, subject: str
) -> None:
    """Raise for a source outside of the folder of the declared source and the declared roots.

    Parameters
    ----------
    given
        A path, glob or URL from the configuration of a run.
    declared
        The source of the table. A query or an asset has no folder.
    more
        Further folders and URLs, `source_roots`.
    base
        The folder that relative paths start from.

    Raises
    ------
    ProjectError
        When the source lies elsewhere, after links are followed, or when it can't be decided where it lies.
    """
    own = declared if isinstance(declared, str) else declared.get("url")
    roots = [*([_folder(own, base)] if own else []), *more]
    if _is_plain(given) and any(_is_within(given, root, base) for root in roots):
        return
    allowed = ", ".join(shown_address(root) for root in roots) or "none"
    raise ProjectError(
        f"{subject}: the configuration of the run names the source {shown_address(given)}, which is "
        f"not below a folder or URL that it may read: {allowed}",
        hint="add its folder to `source_roots` of the table, or use `mlops run PROJECT --data`, which reads "
        "what its user may read",
    )


def _is_plain(given: str) -> bool:
    """Whether a source is at one place: no chained URL, no step upwards that a server could resolve."""
    scheme, _, path = unquote(given).rpartition("://")
    steps = re.split(r"[/\\]", path)
    return "::" not in given and "\0" not in given and (not scheme or ".." not in steps)


def _is_within(given: str, root: str, base: Path) -> bool:
    if _is_url(given) or _is_url(root):
        start = root.rstrip("/")
        return _is_url(given) and _is_url(root) and (given == start or given.startswith(f"{start}/"))
    fixed, rest = _split(_local(given))
    if ".." in PurePosixPath(rest).parts:
        return False
    return (base / fixed).resolve().is_relative_to((base / _local(root)).resolve())


def _folder(declared: str, base: Path) -> str:
    """The folder of a declared source: the part before a glob, or the folder of a file."""
    if _is_url(declared):
        scheme, _, path = declared.partition("://")
        fixed, rest = _split(path)
        folder = fixed if rest or path.endswith("/") else fixed.rpartition("/")[0] or fixed
        return f"{scheme}://{folder}"
    fixed, rest = _split(_local(declared))
    return fixed if rest or (base / fixed).is_dir() else str(Path(fixed).parent)


def _split(path: str) -> tuple[str, str]:
    """Split a path before the first part that is a glob."""
    parts = path.split("/")
    first = next((index for index, part in enumerate(parts) if _GLOB.search(part)), len(parts))
    return "/".join(parts[:first]) or ("/" if path.startswith("/") else "."), "/".join(parts[first:])


def _is_url(text: str) -> bool:
    return "://" in text and not text.startswith(_LOCAL)


def _local(text: str) -> str:
    path = url2pathname(text.removeprefix(_LOCAL)) if text.startswith(_LOCAL) else text
    return os.path.expanduser(path)  # noqa: PTH111 - that of Path raises for an unknown user
