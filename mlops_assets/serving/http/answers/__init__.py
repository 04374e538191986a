"""Answers: predictions as JSON or Arrow, and errors."""
