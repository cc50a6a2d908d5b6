"""What a service does for a comment, whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request: its text, its author, whether that is a program, and its page."""

    id: int
    text: str
    author: str
    by_program: bool
    url: str


@dataclass(frozen=True)
class Drawing:
    """A picture to be shown: name of its file, text for who cannot see it, and the SVG."""

    name: str
    title: str
    svg: str


class Service(Protocol):
    """A place that has pull requests; all methods raise what `Api.call` raises."""

    def author(self) -> str:
        """Who comments; empty where the service does not tell a program who it is."""

    def comments(self) -> list[Comment]:
        """All comments of the pull request, the oldest first."""

    def create(self, text: str) -> Comment:
        """Add a comment."""

    def replace(self, comment: Comment, text: str) -> Comment:
        """Give a comment another text."""

    def delete(self, comment: Comment) -> None:
        """Remove a comment."""

    def store(self, drawings: Sequence[Drawing], label: str) -> list[str]:
        """Put pictures where a reader's own login reaches them.

        Args:
            drawings: the pictures.
            label: of the run, for the names of the files.

        Returns:
            The address of each, as an image of Markdown takes it.
        """
