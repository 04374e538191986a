"""Collecting the status of projects from Dagster, the ledger and the tables of monitoring."""
