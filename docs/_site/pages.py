"""Pages of the site that lie elsewhere in the repository, and the links between all of them.

Documents are written for a reader of the repository: their links lead to files. For the site a README.md becomes its
folder's index.md, a notebook a page, and a file of code that a document leads to a page that shows it, for no address
of the repository is known here. The links are rewritten to these pages; what leads nowhere stays as it is, and
`--strict` refuses it.
"""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebook_pages import page as notebook_page

ROOT = Path(__file__).parents[2]
DOCS = "docs/"
EXECUTED = ROOT / "build/notebooks"  # what `make docs-notebooks` leaves
_PROSE = (".md", ".ipynb")

_ORIGINS: dict[str, str] = {}
"""The path in the repository of each page of the site."""

_LINK = re.compile(r"(\]\()([^)\s#<>]+)((?:#[^)\s]*)?\))")
_CODE = re.compile(r"^( *)(`{3,}).*?^\1\2`*[ ]*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"^ *<!--(?! generated:).*?-->\n?", re.DOTALL | re.MULTILINE)
_ITEM = re.compile(r"(\d+\.|[-*]) +")
_LANGUAGES = {".py": "python", ".groovy": "groovy", ".yaml": "yaml", ".yml": "yaml", ".sh": "sh", ".toml": "toml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each page that the navigation, a document of `docs`, or one that is added leads to."""
    _ORIGINS.clear()
    _ORIGINS.update({file.src_uri: DOCS + file.src_uri for file in files if file.is_documentation_page()})
    waiting = [*_outside(config.nav, files), *_ORIGINS.values()]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        uri = page_uri(path)
        if uri is not None and files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, content=content(path)))
            _ORIGINS[uri] = path
        if path.endswith(_PROSE):
            waiting += [to for to in targets(path, content(path)) if page_uri(to)]
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite links, leave out comments, and indent lists as Python-Markdown wants them."""
    origin = _ORIGINS.get(page.file.src_uri)
    if origin is None or not origin.endswith(_PROSE):
        return markdown
    return listed(linked(_COMMENT.sub("", markdown), origin, page.file.src_uri))


def _outside(nav: object, files: Files) -> list[str]:
    """The documents of the navigation that lie outside `docs`."""
    if isinstance(nav, str):
        paths = [re.sub(r"(^|/)index\.md$", r"\1README.md", nav), nav.removesuffix(".md") + ".ipynb"]
        return [path for path in paths if files.get_file_from_path(nav) is None and (ROOT / path).is_file()]
    entries = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []
    return [path for entry in entries for path in _outside(entry, files)]


def page_uri(path: str) -> str | None:
    """The page of the site that shows a file or folder of the repository; None where there is no such thing.

    Args:
        path: relative to the repository, as `components/pusher/README.md`.
    """
    if path.startswith(DOCS):
        return path.removeprefix(DOCS) if (ROOT / path).is_file() else None
    place = ROOT / path
    if path == "README.md":
        return "index.md"
    if place.is_dir():
        return page_uri(f"{path}/README.md") or f"source/{path}/index.md"
    if not place.is_file():
        return None
    if place.name == "README.md":
        return f"{posixpath.dirname(path)}/index.md"
    return str(Path(path).with_suffix(".md")) if path.endswith(_PROSE) else f"source/{path}.md"


def content(path: str) -> str:
    """What the page of a document, a file of code, or a folder holds."""
    place = ROOT / path
    if path.endswith(".md"):
        return place.read_text(encoding="utf-8")
    if path.endswith(".ipynb"):
        return notebook_page(place, EXECUTED / place.name)
    head = f"---\nsearch: {{exclude: true}}\nhide: [toc]\n---\n\n# `{path}`\n\n"
    if place.is_dir():
        names = sorted(inner.name for inner in place.iterdir() if not inner.name.startswith(("_", ".")))
        return head + "A folder of the repository.\n\n" + "\n".join(f"- `{name}`" for name in names) + "\n"
    language = _LANGUAGES.get(place.suffix, "groovy" if place.name == "Jenkinsfile" else "text")
    return f"{head}````{language}\n{place.read_text(encoding='utf-8')}````\n"


def targets(path: str, text: str) -> Iterable[str]:
    """What in the repository a document's links lead to."""
    folder = posixpath.dirname(path)
    for found in _LINK.finditer(_CODE.sub("", text)):
        if ":" not in found[2]:
            yield posixpath.normpath(posixpath.join(folder, found[2]))


def linked(text: str, origin: str, uri: str) -> str:
    """The text with links to files of the repository as links to pages; code stays as it is."""

    def link(found: re.Match[str]) -> str:
        if ":" in found[2]:
            return found[0]
        page = page_uri(posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[2])))
        return found[0] if page is None else found[1] + posixpath.relpath(page, posixpath.dirname(uri)) + found[3]

    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_LINK.sub(link, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _LINK.sub(link, text[end:])])


def listed(text: str) -> str:
    """Lists as Python-Markdown reads them: a blank line before, and what belongs to an item indented by four."""
    lines: list[str] = []
    fence, width = "", 0
    for line in text.split("\n"):
        bare = line.lstrip()
        indent = len(line) - len(bare)
        if fence:
            fence = "" if bare.startswith(fence) and not bare.strip("`").strip() else fence
        elif bare.startswith("```"):
            fence = bare[: len(bare) - len(bare.lstrip("`"))]
            width = width if indent else 0
        elif (item := _ITEM.match(bare)) and not indent:
            if not width and lines and lines[-1].strip():
                lines.append("")
            width = len(item[0])
        elif bare and not indent and lines and not lines[-1].strip():
            width = 0
        lines.append(" " * (4 - width) + line if width and bare and indent >= width else line)
    return "\n".join(lines)
