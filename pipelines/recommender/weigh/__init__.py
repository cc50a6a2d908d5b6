"""How recommenders are weighed: the metrics provider of the Evaluator, its yardsticks and its pictures."""
