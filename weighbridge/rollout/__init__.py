"""A model delivered to users step by step: what its requests show is judged beside production's, live."""
