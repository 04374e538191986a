"""The fitted model: artifact, ensemble, calibration, runtime environment and comparison of refits."""
