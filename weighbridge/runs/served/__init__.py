"""What is really served, held against what the record of production says."""
