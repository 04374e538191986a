"""Which files belong to a state directory: only those are removed, whatever path or link leads to others."""

from pathlib import Path


def is_own(path: Path, folder: Path, state: Path) -> bool:
    """Whether a file lies in a folder of a state directory after all symbolic links are followed.

    The state directory itself may be a link. A link inside it leads to files that a copy of the directory
    shares with the original, so they belong to neither.

    Parameters
    ----------
    folder
        A folder in the state directory, such as `warehouse/`.
    state
        The state directory, or any folder above `folder`.
    """
    own = state.resolve() / folder.absolute().relative_to(state.absolute())
    return path.resolve().is_relative_to(own)


def linked_outside(state: Path, *folders: Path) -> list[Path]:
    """Return the folders of a state directory that are links to a place outside of it."""
    return [folder for folder in folders if folder.exists() and not is_own(folder, folder, state)]


def own_report(recorded: str, reports: Path) -> Path:
    """Return the place of an evaluation's page in the folder of a project's reports.

    Parameters
    ----------
    recorded
        The path in Dagster's records, which is absolute: the state directory may have been moved or copied
        since.
    """
    return reports.joinpath(*Path(recorded).parts[-2:])
