"""The statistics of a live canary: what two models' requests prove, at whatever look."""
