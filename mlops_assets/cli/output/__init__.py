"""The output of commands: live display, summary, tables and the SQL prompt."""
