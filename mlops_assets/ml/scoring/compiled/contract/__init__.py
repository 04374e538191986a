"""The contract of rows of plain values, without SQL: for one row, and by column for many."""
