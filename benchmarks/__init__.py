"""Speed and memory of the taxi job against stock TFX, side by side in one run: `make bench`."""
