"""Alerts: their incidents and deliveries, and the channels that deliver them."""
