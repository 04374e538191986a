"""Pages and plots: the evaluation report, the model card and the backtest page."""
