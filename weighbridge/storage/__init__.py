"""Where models and data lie: folders, and prefixes of buckets. Imports no tfx."""
