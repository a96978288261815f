"""A form and what was typed into it: shown again with it where the gateway refused, errors at their fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.datastructures import FormData

from emon_dashboard.gateway import Refused
from emon_dashboard.rendering.texts import Texts


@dataclass(frozen=True, slots=True)
class Form:
    """`values` by the name of the field; `errors` are texts by the name of the field, '' for the form as a whole.

    `once` is the same for each sending of one shown form: sent twice, by a double click or a reload, it makes one thing.
    """

    values: Mapping[str, str] = field(default_factory=dict[str, str])
    errors: Mapping[str, str] = field(default_factory=dict[str, str])
    once: str = field(default_factory=lambda: str(uuid4()))

    @classmethod
    def sent(cls, sent: FormData, *names: str) -> "Form":
        """What was typed into these fields, and the key that came with the form."""
        values = {name: str(sent.get(name, "")).strip() for name in names}
        once = str(sent.get("once", ""))
        return cls(values, once=once) if once else cls(values)

    def refused(self, refusal: Refused, texts: Texts, names: Mapping[str, str] | None = None) -> "Form":
        """The form as it is shown again. `names` says which field a part of the body came from, where it is another name."""
        known = names or {}
        errors: dict[str, str] = {}
        for mistake in refusal.mistakes:
            name = known.get(mistake.field, mistake.field)
            errors.setdefault(name if name in self.values else "", text_of(mistake.code, name, texts))
        # What was refused was not done: with another content the key of the first would be refused as well.
        return Form(self.values, errors or {"": texts.text("errors.refused")})

    def wrong(self, errors: Mapping[str, str]) -> "Form":
        """The form as it is shown again for what the page itself found."""
        return Form(self.values, errors)


def text_of(code: str, name: str, texts: Texts) -> str:
    """What is said of a mistake: for this field if there is a text for it, else for the code, else that it is not valid."""
    for path in (f"errors.{name}_{code}".replace("/", "_").replace("-", "_"), f"errors.{code.replace('-', '_')}"):
        if texts.has(path):
            return texts.text(path)
    return texts.text("errors.invalid")
