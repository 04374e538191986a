"""The machine: the state directory, process locks, disk errors and the git commit."""
