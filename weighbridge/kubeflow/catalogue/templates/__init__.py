"""Templates of the catalogue's files; a package so that they are installed with the code."""
