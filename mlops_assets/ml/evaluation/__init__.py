"""What a model is worth: holdout evaluation, slices, fairness, behavioural tests and gates."""
