"""Whether a command printed what a document shows: numbers, times and digests differ from run to run."""

import re

ELLIPSIS = "…"
# The first that fits: somebody's folder, digests, ids of runs, numbers. What stands beside them must be the same.
_VARIABLE = re.compile(
    r"(?P<home>/home/ann)"
    r"|(?P<digest>\b[0-9a-f]{12,64}\b)"
    r"|(?P<run>\b\d{8}-\d{6}-[0-9a-f]{4}\b)"
    r"|(?P<number>[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)"
    r"|(?P<dots>…)"
    r"|(?P<space>[ \t]+)"
)
_PATTERNS = {
    "home": r"/[^ ]*",
    "digest": r"[0-9a-f]{12,64}",
    "run": r"\d{8}-\d{6}-[0-9a-f]{4}",
    "number": r"[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?",
    "dots": r".*",
    "space": r"[ \t]+",
}


def pattern(line: str) -> re.Pattern[str]:
    """What a line must look like that is shown as `line`."""
    parts, end = [], 0
    line = line.rstrip()
    for found in _VARIABLE.finditer(line):
        parts += [re.escape(line[end : found.start()]), _PATTERNS[str(found.lastgroup)]]
        end = found.end()
    return re.compile("".join([*parts, re.escape(line[end:])]) + r"[ \t]*")


def missing(shown: tuple[str, ...], printed: str) -> str | None:
    """The first line that is shown and was not printed at its place; None where all were.

    Lines follow each other as they are shown; a line `…` stands for any number of lines, also none.
    """
    lines = printed.splitlines()
    at, anywhere = 0, True  # a command may print a note before what is shown
    for line in shown:
        if line.strip() == ELLIPSIS:
            anywhere = True
            continue
        wanted = pattern(line)
        places = range(at, len(lines)) if anywhere else range(at, min(at + 1, len(lines)))
        place = next((place for place in places if wanted.fullmatch(lines[place])), None)
        if place is None:
            return line
        at, anywhere = place + 1, False
    return None
