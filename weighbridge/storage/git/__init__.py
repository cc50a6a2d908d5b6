"""A folder of a Git repository whose branch says what is in production; the models themselves lie elsewhere. No tfx."""
