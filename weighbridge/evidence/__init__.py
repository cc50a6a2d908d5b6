"""The files in which steps leave what they measured: one model each, which the step writes and every reader reads."""
