"""Evaluation of groups of rows: slices, weak slices, fairness."""
