"""What every component needs and none owns: errors, files, digests, progress. Imports no tfx."""
