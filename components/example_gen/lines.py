"""Which lines of a CSV file a row must account for: what an unbalanced quote swallows is counted, and told. No tfx.

A quoted field may hold line breaks, so a quote that was never closed makes one field of all lines up to the next quote.
Its sign is the quote that then closes it: text follows, where a delimiter or the end of the line must (RFC 4180).
Lines in a sound quoted field belong to its row; every other line must be a row, in quarantine or not.
"""

import re
from collections import deque

FIELD_LINES, FIELD_BYTES = 1_000, 1 << 20  # of one quoted field; what is longer is no field but a missing quote

_ROWS_INSIDE = 10  # lines from which on a field is suspected to hold rows
# Arrow reads at most 32 blocks ahead of the batches that it gives.
_REMEMBERED_BLOCKS = 64

# Fields on one line are skipped in runs; the first group is what a field with line breaks holds, the second a field
# that is still open at the end of the text. Nothing here is possessive: Python 3.11.2, which is Debian's, then takes a
# lookahead that failed for one that held. Nothing need be: what stands between two quotes matches in one way alone.
_QUOTED = re.compile(
    rb'(?:[,\r\n]"[^"\r\n]*(?:""[^"\r\n]*)*"(?=[,\r\n])){1,500}'
    rb'|[,\r\n]"([^"]*(?:""[^"]*)*)"(?=[,\r\n])'
    rb'|([,\r\n]"[^"]*(?:""[^"]*)*"?\Z)'
)


class Lines:
    """Counts the lines of one file as its blocks go by.

    Args:
        columns: how many the file has.
    """

    def __init__(self, columns: int) -> None:
        self._delimiters = columns - 1
        self._found = 0
        self._at_start = True
        self._inside = False  # an odd number of quotes went by
        self._tail = b"\n"
        self._sound: deque[frozenset[int]] = deque(maxlen=_REMEMBERED_BLOCKS)
        self.quoted_breaks = False

    @property
    def found(self) -> int:
        """Lines so far that a row must account for: neither blank nor inside a sound quoted field."""
        return self._found + (not self._at_start)

    def add(self, block: bytes) -> None:
        """Take in the next bytes of the file; no block ends between a carriage return and its line feed."""
        ends, self._at_start = _ends(block, self._at_start)
        self._found += ends
        if self._breaks_in_quotes(block):
            self.quoted_breaks = True
            self._scan(self._tail + block)
        else:
            self._tail = _last(block if len(block) >= FIELD_BYTES else self._tail + block)

    def end(self) -> None:
        """The file has ended."""
        if self.quoted_breaks:
            self._scan(self._tail + b"\n")

    def sound(self, value: bytes) -> bool:
        """Whether a value with line breaks stands in sound quotes, in what went by lately."""
        key = hash(value)
        return any(key in found for found in tuple(self._sound))

    def swallowed(self, row: str) -> int:
        """Lines within the text of a row that its fields do not account for."""
        text = b"\n" + row.encode() + b"\n"
        inside = sum(_ends(field, False)[0] for field in self._fields(text)[0])
        return max(0, _ends(text, True)[0] - 1 - inside)

    def _scan(self, text: bytes) -> None:
        fields, end = self._fields(text)
        self._found -= sum(_ends(field, False)[0] for field in fields)
        self._sound.append(frozenset(hash(field.replace(b'""', b'"')) for field in fields))
        self._tail = _last(text[end:])

    def _fields(self, text: bytes) -> tuple[list[bytes], int]:
        """What sound quoted fields with line breaks hold, and where the last quoted field ends."""
        end, fields = 0, []
        for match in _QUOTED.finditer(text):
            if match[2] is not None:
                break
            end, field = match.end(), match[1]
            if field is not None and not self._is_many_rows(field):
                fields.append(field)
        return fields, end

    def _is_many_rows(self, field: bytes) -> bool:
        lines = field.splitlines()
        if len(lines) > FIELD_LINES or len(field) > FIELD_BYTES:
            return True
        inner = lines[1:-1]
        rows = sum(line.count(b",") == self._delimiters for line in inner)
        return len(lines) >= _ROWS_INSIDE and self._delimiters > 0 and 2 * rows > len(inner)

    def _breaks_in_quotes(self, block: bytes) -> bool:
        """Whether a line may end in quotes: an odd number of them went before."""
        import numpy as np

        was_inside = self._inside
        if b'"' not in block:
            return was_inside and (b"\n" in block or b"\r" in block)
        characters = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(characters == ord('"'))
        self._inside ^= bool(len(quotes) % 2)
        ends = np.flatnonzero((characters == ord("\n")) | (characters == ord("\r")))
        return bool(((np.searchsorted(quotes, ends) + was_inside) % 2).any())


def _ends(text: bytes, at_start: bool) -> tuple[int, bool]:
    """How many lines that are not blank end in `text`, and whether a line begins behind it.

    Args:
        text: bytes.
        at_start: whether a line begins with them.
    """
    import numpy as np

    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not text:
        return 0, at_start
    ends = np.frombuffer(text, np.uint8) == ord("\n")
    blank = np.count_nonzero(ends[1:] & ends[:-1]) + (at_start and bool(ends[0]))
    return int(np.count_nonzero(ends) - blank), bool(ends[-1])


def _last(text: bytes) -> bytes:
    """The end of a text, as much as a field may hold, from the beginning of a line on where it is cut."""
    if len(text) <= FIELD_BYTES:
        return text
    text = text[-FIELD_BYTES:]
    return text[max(text.find(b"\n"), 0) :]
