"""`python -m weighbridge.tracking FOLDER`: the process that sends a run to MLflow while nobody waits."""

import sys

from weighbridge.tracking.sending import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
