"""What is wrong with a machine, its environment and its settings, and how to mend it."""
