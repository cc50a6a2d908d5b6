"""`python -m weighbridge`: the command line."""

from weighbridge.cli.main import run_and_exit

run_and_exit()
