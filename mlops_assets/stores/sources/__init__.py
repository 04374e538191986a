"""Where the rows of a table come from (files, queries, other tables), and what sensors remember."""
