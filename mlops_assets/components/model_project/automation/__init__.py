"""Automation conditions, sensors, schedules and jobs."""
