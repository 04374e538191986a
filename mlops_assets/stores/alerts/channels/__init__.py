"""Channels of alerts: log, webhook, e-mail and command."""
