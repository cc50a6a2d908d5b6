"""Order lines as arrays of numbers: what is decided of a line before any of it is text."""

from dataclasses import dataclass, fields

from weighbridge.datasets.shop.draws import Bools, Floats, Ints


@dataclass
class Lines:
    """Order lines, each array [lines].

    Attributes:
        invoice: number of the invoice.
        cancellation: whether a `C` stands before it.
        code: place of the StockCode in `texts.Texts.codes`.
        description: place of the Description in `texts.Texts.descriptions`; -1 where it is missing.
        quantity: below zero where something comes back.
        time: seconds since 1970.
        price: in pounds, or in the currency.
        customer: place among the customers; -1 where it is missing.
        country: place in `texts.COUNTRIES`.
        currency: place in `texts.CURRENCIES`; 0 for a plain number.
        spelled: the quantity is written as text.
    """

    invoice: Ints
    cancellation: Bools
    code: Ints
    description: Ints
    quantity: Ints
    time: Ints
    price: Floats
    customer: Ints
    country: Ints
    currency: Ints
    spelled: Bools

    def __len__(self) -> int:
        return len(self.invoice)

    def take(self, places: Ints) -> "Lines":
        """The lines at `places`."""
        return Lines(**{each.name: getattr(self, each.name)[places] for each in fields(self)})
