"""The report on the performance of predictions, measured and estimated."""
