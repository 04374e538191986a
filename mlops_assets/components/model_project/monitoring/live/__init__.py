"""Logged predictions in the reports on drift and performance."""
