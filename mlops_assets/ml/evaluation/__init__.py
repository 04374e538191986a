"""Evaluation of a model: metrics on the holdout, slices, fairness, behavioural tests, backtests and gates."""
