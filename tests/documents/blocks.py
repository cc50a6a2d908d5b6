"""The fenced blocks of the documents, and what a comment before one says of it.

- `<!-- not run: needs a cluster -->` before a block: it is not executed, for this reason.
- `<!-- first: … -->` before a block: what is executed before it and not shown, in the block's language.
- `<!-- begins with: a run of taxi -->` anywhere: the page's work directory holds such a run.

A block with `title="path"` is a file. Nothing else is said in comments: GitHub and the site show none of them.
"""

import re
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"(?P<comments>(?:^ *<!--(?:(?!-->).)*-->\s*)*)"
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w-]*)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)`*[ ]*$",
    re.DOTALL | re.MULTILINE,
)
_COMMENT = re.compile(r"<!-- ([\w ]+):\s(.*?)\s?-->", re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
# What a reader would type: at a prompt anywhere; without one, where it is set apart as code.
_TYPED = re.compile(r"[ >]*[$] \S")
_CODE = re.compile(r"[ >]*(?:weighbridge [a-z]|import \w|from \S+ import )")
BEGINS = "begins with"


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is in, what it says, and how it is to be taken."""

    document: str
    line: int
    language: str
    text: str
    title: str = ""
    not_run: str = ""
    first: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    """Every Markdown file of the repository, relative to it."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard", "*.md"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({name for name in names if name and (ROOT / name).is_file()})


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, text: str | None = None) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = text_of(document) if text is None else text
    found = []
    for match in _FENCE.finditer(text):
        said = dict(_COMMENT.findall(match["comments"]))
        title = _TITLE.search(match["info"])
        found.append(
            Block(
                document,
                text.count("\n", 0, match.start("fence")) + 1,
                match["language"],
                textwrap.dedent(match["text"]),
                title[1] if title else "",
                said.get("not run", "").strip(),
                textwrap.dedent(said.get("first", "")).strip("\n"),
            )
        )
    return found


def outside_blocks(text: str, languages: tuple[str, ...]) -> list[int]:
    """The numbers of lines that look like something to execute, outside of blocks of these languages and comments."""
    held = {
        line
        for block in blocks("", text)
        if block.language in languages
        for line in range(block.line, block.line + block.text.count("\n") + 1)
    }
    lines = re.sub(r"<!--.*?-->", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.DOTALL).split("\n")
    found, fenced, before = [], False, ""
    for number, line in enumerate(lines, 1):
        if re.match(r"[ >]*(?:```|~~~)", line):
            fenced = not fenced
        indented = line.startswith("    ") and (not before.strip() or before.startswith("    "))
        looks_typed = _TYPED.match(line) or ((fenced or indented) and _CODE.match(line))
        if looks_typed and number not in held:
            found.append(number)
        before = line
    return found


def begins_with(document: str) -> str:
    """What a page's work directory holds when it begins: empty for nothing."""
    return dict(_COMMENT.findall(text_of(document))).get(BEGINS, "")


@dataclass(frozen=True)
class Command:
    """A command typed at a prompt, and the lines that it is shown to print."""

    line: str
    output: tuple[str, ...]


def commands(console: str) -> list[Command]:
    """The commands of a `console` block: `$ ` is the prompt, a backslash continues a line."""
    found: list[tuple[list[str], list[str]]] = []
    continued = False
    for line in console.splitlines():
        if continued:
            found[-1][0].append(line)
        elif line.startswith(("$ ", "# ")):
            found.append(([line[2:]], []))
        elif found:
            found[-1][1].append(line)
        continued = line.endswith("\\") and (continued or line.startswith(("$ ", "# ")))
    return [Command("\n".join(lines), tuple("\n".join(output).rstrip().splitlines())) for lines, output in found]
