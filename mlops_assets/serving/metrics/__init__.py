"""Metrics of the service for Prometheus, written by all of its processes and read as one."""
