"""Scoring of few rows: each step compiled for one model, equal to its reference bit for bit."""
