"""From a registered version to the champion: gates, comparison, decisions, model cards."""
