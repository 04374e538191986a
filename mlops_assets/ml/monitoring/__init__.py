"""Monitoring of data and predictions: comparison with the past, drift, estimated performance, retraining."""
