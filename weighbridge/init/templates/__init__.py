"""Templates of what `weighbridge init` writes; a package, so that they are installed."""
