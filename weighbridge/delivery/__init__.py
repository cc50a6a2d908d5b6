"""Delivery by stages: where a weighed model goes, who approves, and what the delivered copy must show."""
