"""What everything needs and nothing owns: errors and exit codes, atomic files, digests, progress. Imports no tfx."""
