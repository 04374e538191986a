"""Redaction: no secret in a message, a log, a record or an address that is shown."""
