"""Sources of a table's rows (files, queries, other tables), and the state of source sensors."""
