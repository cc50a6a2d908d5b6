"""Weighbridge from Python: the commands as functions, for a notebook, a test or a program of one's own.

`weighbridge.run`, `runs`, `plan`, `submit` and `schema` take what the commands take, raise what the commands print, and
return values that show themselves in a notebook. They are loaded when first used, see `weighbridge/__init__.pyi`.
"""
