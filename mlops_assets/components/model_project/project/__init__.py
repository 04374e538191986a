"""A project as its assets see it: names, files, partitions, tables and staleness."""
