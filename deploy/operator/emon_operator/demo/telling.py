"""How the demonstration tells what happens."""

from rich.console import Console
from rich.markup import escape

console = Console(highlight=False, soft_wrap=True)


class DemoFailed(Exception):
    """A step did not come true; the message says which."""


def step(title: str) -> None:
    """Says what happens next."""
    console.print(f"\n[bold]{escape(title)}[/]")


def result(text: str) -> None:
    """Says what came back."""
    console.print(f"   {escape(text)}")


def quote(text: str, lines: int) -> None:
    """Shows the first lines of a mail or a page."""
    for line in text.strip().splitlines()[:lines]:
        console.print(f"   [dim]| {escape(line)}[/]")


def expect(condition: bool, what: str) -> None:
    """Raises DemoFailed where the story does not come true."""
    if not condition:
        raise DemoFailed(what)
