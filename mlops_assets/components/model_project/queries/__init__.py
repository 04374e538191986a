"""The tables that the SQL of an event project reads, and those that it writes."""
