"""The one comment that a pipeline has in a pull request: made by the first build, replaced by each that follows."""
