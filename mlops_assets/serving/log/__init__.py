"""The prediction log: workers write spool files, the supervisor commits them to the table."""
