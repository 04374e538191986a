"""Answers: loaded versions that predict rows, and their replacement between requests."""
