"""Readers of each format of files."""
