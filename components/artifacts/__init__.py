"""Reading and writing the artifacts that components share: Examples, their columns, Model. Imports no tfx."""
