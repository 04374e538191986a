"""Checks of the installation and of the state directory, and repairs."""
