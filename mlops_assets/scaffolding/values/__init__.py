"""Number format, missing values and types that the values of a table have."""
