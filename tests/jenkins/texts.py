"""Texts of small Jenkinsfiles."""


def stage(body: str, name: str = "One", before: str = "agent { label 'cpu' }") -> str:
    """A stage that takes these steps."""
    return f"stage('{name}') {{\n{before}\nsteps {{\n{body}\n}}\n}}\n"


def pipeline(*stages: str, before: str = "", after: str = "") -> str:
    """A Jenkinsfile of these stages; `before` and `after` them stands what else it has."""
    return f"pipeline {{\nagent none\n{before}\nstages {{\n{''.join(stages)}}}\n{after}\n}}\n"
