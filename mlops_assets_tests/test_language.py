"""Words that readers do not search for stay out of code and documentation."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORDS = {
    r"tells?|told|telling": "report, describe, record",
    r"judge[sd]?|judging|judgements?|verdicts?": "evaluate, evaluation, gate result",
    r"faults?": "error of a program or file, violation of a contract, failure of a run",
    r"somebody|nobody": "the person or part that acts, or the passive",
    r"surely": "significantly (95 % CI), or guaranteed",
}
"""Patterns, and what to write instead."""
ALLOWED = {
    r"(study|self)\.tell\(|def tell\(": "a method of Optuna, and of files",
    r"[Ss]how &(?:amp;)? tell": "an example of text that a report escapes",
}
"""Parts of a line in which such a word is right, with the reason."""


def tracked_texts() -> list[Path]:
    """Python, Markdown and templates under version control; without git, as in an sdist, all there are."""
    patterns = ["*.py", "*.md", "*.j2", "*.toml", "*.yaml"]
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def occurrences(pattern: str, text: str) -> list[str]:
    """The lines that contain the word, with their numbers; parts of an identifier count as words."""
    word = re.compile(rf"(?<![a-zA-Z])(?:{pattern})(?![a-zA-Z])", re.IGNORECASE)
    checked = re.sub("|".join(ALLOWED), "", text)
    return [
        f"{number}: {line.strip()}"
        for number, line in enumerate(checked.splitlines(), 1)
        if word.search(line)
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an error tells the row", True),
        ("errors_told", True),
        ("TOLD = 1", True),
        ("untold stories, Tellus", False),
        ("study.tell(trial)", False),
    ],
)
def test_a_word_is_found_in_prose_and_in_names(text, found):
    assert bool(occurrences(next(iter(WORDS)), text)) == found


@pytest.mark.parametrize("pattern", WORDS)
def test_the_word_is_not_used(pattern):
    files = tracked_texts()
    if not files:
        pytest.skip("not a git checkout")
    found = [
        f"{name}:{line}"
        for path in files
        if (name := path.relative_to(ROOT).as_posix()) != Path(__file__).relative_to(ROOT).as_posix()
        for line in occurrences(pattern, path.read_text("utf-8"))
    ]
    assert not found, f"write {WORDS[pattern]} instead:\n" + "\n".join(found)
