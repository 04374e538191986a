"""The status of a workspace: all projects, the daemon and the disk."""
