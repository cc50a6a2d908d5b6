"""Reusable TFX components. Each folder is one component; `common` and `verdict` are what they share."""
