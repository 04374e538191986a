"""Whether the file system of a folder has access control lists, as ext4, xfs and btrfs have."""

import os
from pathlib import Path

from mlops_assets.stores.system.permissions import _access_list


def has_access_lists(folder: Path) -> bool:
    probe = folder / "probe"
    probe.mkdir()
    try:
        os.setxattr(probe, "system.posix_acl_default", _access_list(0o700))
    except (AttributeError, OSError):
        return False
    finally:
        probe.rmdir()
    return True
