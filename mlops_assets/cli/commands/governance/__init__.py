"""Commands about registered models: decisions, history, audit, comparison of versions."""
