"""The kinds of drift that a stream can be asked for. Imports nothing, so that the command line can list them."""

KINDS = {
    "prices": "all prices ×3",
    "negative-prices": "5 % of the prices are below zero",
    "mixed-currencies": "prices from abroad are text in euros, dollars or kroner; CSV only",
    "text-quantity": "3 % of the quantities are text, as '12 pcs'; CSV only",
    "codes": "30 % of the StockCodes change their format",
    "countries": "a country never seen before takes a quarter of the orders, Germany a fifth",
    "tastes": "popularity is reshuffled: what sold well may not sell at all",
    "new-items": "every item sold is new",
    "one-customer": "half of the orders are of one customer, who buys everything",
    "empty-week": "the first week of the drift has no orders",
    "duplicates": "the last week is exported twice",
    "unordered": "the lines are out of order",
}

CSV_ONLY = frozenset({"mixed-currencies", "text-quantity"})
"""Kinds that put text into columns of numbers."""
