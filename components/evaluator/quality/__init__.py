"""Quality: predictions, metrics with their intervals, and the thresholds that judge them. Imports no tfx."""
