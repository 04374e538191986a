"""The warehouse of Delta tables: writing, reading, differences and vacuum."""
