"""Drift of the partitions of a project against the rows that its model was trained on."""
