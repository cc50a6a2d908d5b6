"""One Markdown text of all verdicts of a build, for the comment or the check of a pull request."""

from pathlib import Path

from weighbridge.report.write import MARKDOWN_FILE

# GitHub takes no longer text in a check; most others take more.
LIMIT = 65_000
_CUT = "\n\nThe rest is in the reports.\n"


def summary(folder: Path) -> str:
    """The reports below `folder`, the latest first.

    Args:
        folder: as `--reports` of `weighbridge run` left it: a folder per run, whose names sort by time.

    Returns:
        GitHub-flavoured Markdown of at most `LIMIT` characters.
    """
    found = sorted(folder.glob(f"*/{MARKDOWN_FILE}"), reverse=True)
    text = "\n".join(path.read_text(encoding="utf-8") for path in found)
    if not text:
        return "There is no verdict: see the log of the build.\n"
    if len(text) <= LIMIT:
        return text
    return text[: LIMIT - len(_CUT)].rpartition("\n")[0] + _CUT
