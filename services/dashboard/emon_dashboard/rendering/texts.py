"""Every text of the pages, in one folder for each language: a file for each part of the dashboard, a name for each text.

A text that depends on a number has two forms, `one` and `other` (CLDR; German and English need no more).
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from string import Formatter

LANGUAGES = ("de", "en")


class Texts(Mapping[str, "Texts | str"]):
    """Texts by name, for templates as attributes: `t.meetings.title`. A name that is missing is an error, never a blank."""

    def __init__(self, content: Mapping[str, object], path: str = "") -> None:
        self._items: dict[str, Texts | str] = {
            name: Texts(value, f"{path}{name}.") if isinstance(value, Mapping) else str(value)  # pyright: ignore[reportUnknownArgumentType]
            for name, value in content.items()
        }
        self._path = path

    def __getitem__(self, name: str) -> "Texts | str":
        try:
            return self._items[name]
        except KeyError:
            raise KeyError(f"there is no text {self._path}{name}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def text(self, path: str) -> str:
        """The text at a path such as `meetings.title`. Raises KeyError."""
        found: Texts | str = self
        for name in path.split("."):
            if isinstance(found, str):
                raise KeyError(f"there is no text {self._path}{path}")
            found = found[name]
        if not isinstance(found, str):
            raise KeyError(f"{self._path}{path} is a group of texts")
        return found

    def has(self, path: str) -> bool:
        """Whether there is a text at the path."""
        try:
            self.text(path)
        except KeyError:
            return False
        return True

    def paths(self) -> Iterator[tuple[str, str]]:
        """Every text with its path."""
        for name, item in self._items.items():
            if isinstance(item, str):
                yield f"{self._path}{name}", item
            else:
                yield from item.paths()


@cache
def texts_in(language: str) -> Texts:
    """All texts of a language."""
    folder = files("emon_dashboard").joinpath("texts", language)
    return Texts(
        {
            file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))
            for file in folder.iterdir()
            if file.name.endswith(".toml")
        }
    )


def fill(text: str, **values: object) -> str:
    """Puts values into the gaps of a text: `{name}`."""
    return text.format(**values)


def counted(texts: Texts, count: int, **values: object) -> str:
    """The form of a text for this number, with the number in `{count}`."""
    return texts.text("one" if count == 1 else "other").format(count=count, **values)


def gaps(text: str) -> frozenset[str]:
    """The names of a text's gaps."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)
