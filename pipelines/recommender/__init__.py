"""The recommender of an e-commerce shop: from order lines to a weighed two-tower model."""
