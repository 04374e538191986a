"""Settings of monitoring: reports, retraining, alerts."""
