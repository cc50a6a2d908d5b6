"""Two runs side by side as one HTML page, under the same rules as the report, and as Markdown for a comment."""

from weighbridge.report.comparison import RunComparison
from weighbridge.report.comparison_rows import LEGEND, comparison_sections, headline
from weighbridge.report.html import environment
from weighbridge.report.markdown import escaped


def render_comparison(comparison: RunComparison) -> str:
    """The comparison as an HTML page that refers to no other file; the same comparison, the same bytes."""
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            headline=headline(comparison),
            sections=comparison_sections(comparison, everything=True),
            legend=LEGEND.replace("*", "≠"),
        )
    )


def render_comparison_markdown(comparison: RunComparison) -> str:
    """The comparison as GitHub-flavoured Markdown: what changed; every string from data is escaped."""
    before, after = comparison.before, comparison.after
    blocks = [f"## {escaped(before.run_id)} and {escaped(after.run_id)}", f"{escaped(headline(comparison))}."]
    for section in comparison_sections(comparison):
        lines = [f"### {section.title}"]
        if section.rows:
            rows = [
                (f"**{escaped(row.name)}**" if row.changed else escaped(row.name), row.before, row.after, row.change)
                for row in section.rows
            ]
            heads = ("", *section.heads)
            lines += ["", f"| {' | '.join(heads)} |", "| --- | --- | --- | --- |"]
            lines += [f"| {name} | {' | '.join(map(escaped, cells))} |" for name, *cells in rows]
        if section.note:
            lines += ["", escaped(section.note)]
        blocks.append("\n".join(lines))
    blocks += [f"- note: {escaped(note)}" for note in comparison.notes]
    return "\n\n".join([*blocks, escaped(LEGEND.replace("* ", "bold: "))]) + "\n"
