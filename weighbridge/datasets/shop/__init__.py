"""A shop that does not exist: a seeded stream of order lines in the columns of UCI's Online Retail II."""
