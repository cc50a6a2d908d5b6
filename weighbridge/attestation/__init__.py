"""The signed verdict: what a model's files are, where they come from, how they were weighed, and who says so.

Imports neither TensorFlow nor TFX, and none of the components: whoever has a model can verify it.
"""
