"""The `weighbridge` command line."""
