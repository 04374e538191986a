"""Alerts of a project: the conditions that open incidents, and the sensor that evaluates them."""
