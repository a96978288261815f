"""What is used of `icalendar`, with types: its own signatures say too little for strict checking."""

from typing import Any, cast

from icalendar import Calendar
from icalendar.cal.component import Component


def add_property(component: Component, name: str, value: object) -> None:
    """Adds a property; the library encodes what it knows (text, numbers, times, durations, rules)."""
    cast("Any", component).add(name, value)


def only_event(data: bytes) -> Component:
    """The one VEVENT of a calendar. Raises ValueError where it cannot be read or holds another number of them."""
    (event,) = cast("list[Component]", cast("Any", Calendar.from_ical(data)).walk("VEVENT"))
    return event


def property_of(component: Component, name: str, default: object = None) -> Any:
    """A property as the library holds it."""
    return cast("Any", component).get(name, default)


def decoded_property(component: Component, name: str) -> Any:
    """A property as a Python value, such as a datetime."""
    return cast("Any", component).decoded(name)
