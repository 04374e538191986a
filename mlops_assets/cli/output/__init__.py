"""What commands print: live display, summaries, tables and the SQL prompt."""
