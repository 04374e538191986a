"""The search for a model: splits, folds, trials, families that share a budget, and the winner."""
