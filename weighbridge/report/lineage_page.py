"""A lineage as one HTML page, under the same rules as the report: no script, no inline style, nothing fetched."""

from collections.abc import Iterator, Sequence

from weighbridge.lineage.checked import CheckedFile
from weighbridge.lineage.origins import Origins
from weighbridge.lineage.touched import Touched
from weighbridge.report.html import environment
from weighbridge.report.lineage_picture import origins_picture, touched_picture
from weighbridge.report.lineage_rows import Branch, check_branches, origin_branches, touched_branches

Row = tuple[int, Branch]


def render_lineage(found: Origins | Touched, checked: Sequence[CheckedFile] = ()) -> str:
    """A lineage as an HTML page that refers to no other file; the same lineage, the same bytes.

    Args:
        found: the lineage.
        checked: its files, where they were read again.
    """
    if isinstance(found, Origins):
        tree, picture = origin_branches(found, everything=True), origins_picture(found)
        trees = [tree, *([check_branches(checked)] if checked else [])]
        bad = any(each.state != "same" for each in checked)
    else:
        tree, picture = touched_branches(found, checked, everything=True), touched_picture(found)
        trees = [tree]
        bad = bool(found.in_production)
    return (
        environment()
        .get_template("lineage.html.j2")
        .render(
            title=tree.name,
            told=tree.value,
            state="refused" if bad else "passed",
            picture=picture,
            rows=[row for each in trees for row in _rows(each, 0)],
            notes=found.notes,
        )
    )


def _rows(branch: Branch, depth: int) -> Iterator[Row]:
    if depth or branch.name == "checked":
        yield max(depth - 1, 0), branch
    for each in branch.below:
        yield from _rows(each, depth + 1)
