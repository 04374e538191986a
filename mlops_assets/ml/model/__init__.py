"""The fitted model: its artifact, ensemble, calibration, and the machine that fitted it."""
