"""drift_report: the drift of each partition against training rows and against the partition before."""
