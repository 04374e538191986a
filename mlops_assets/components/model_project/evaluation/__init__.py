"""The holdout evaluation of a trained model, for the report and its checks."""
