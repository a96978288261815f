"""The kinds of mail: each module says for its own what is true now, what is told of it, and which links the mail holds.

A kind that is added needs a module here, a folder of templates, and its place in `planning.rules.TYPES`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from emon_notifications.deliveries.rules import Kind
from emon_notifications.mailing.due import Due
from emon_notifications.mailing.kinds import addresses, feedback, introduction, meetings, sign_in
from emon_notifications.mailing.kinds.matter import Matter, UnknownMatter
from emon_platform.database import Transaction

__all__ = ["Matter", "matters_of"]

_Loader = Callable[[Transaction, Sequence[Due]], Awaitable[Mapping[UUID, Matter]]]

_LOADERS: Mapping[Kind, _Loader] = {
    **dict.fromkeys(meetings.KINDS, meetings.load),
    **dict.fromkeys(feedback.KINDS, feedback.load),
    **dict.fromkeys(addresses.KINDS, addresses.load),
    Kind.SIGN_IN: sign_in.load,
    Kind.INTRODUCTION: introduction.load,
}


async def matters_of(tx: Transaction, due: Sequence[Due]) -> dict[UUID, Matter]:
    """What each delivery is about, by its id."""
    by_loader: dict[_Loader, list[Due]] = {}
    for item in due:
        by_loader.setdefault(_LOADERS[item.kind], []).append(item)
    matters: dict[UUID, Matter] = {item.id: UnknownMatter() for item in due}
    for load, items in by_loader.items():
        matters.update(await load(tx, items))
    return matters
