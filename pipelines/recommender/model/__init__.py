"""The two-tower model: reading, towers, loss, training, retrieval and export."""
