"""The long description of the wheel: README.md with absolute links. All else is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import setup

REPOSITORY = "https://github.com/mlops-assets/mlops_assets/blob/main/"
RAW = "https://raw.githubusercontent.com/mlops-assets/mlops_assets/main/"
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?!https?://|#|mailto:)(?P<target>[^)\s]+)\)")


def absolute(link: re.Match[str]) -> str:
    """A link that also works outside of the repository, such as on a package index."""
    root = RAW if link["image"] else REPOSITORY
    return f"{link['image']}[{link['text']}]({root}{link['target']})"


readme = Path(__file__).with_name("README.md").read_text("utf-8")
setup(long_description=LINK.sub(absolute, readme), long_description_content_type="text/markdown")
