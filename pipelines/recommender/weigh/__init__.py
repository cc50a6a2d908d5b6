"""How recommenders are weighed: the metrics provider of the Evaluator, its baselines and its pictures."""
