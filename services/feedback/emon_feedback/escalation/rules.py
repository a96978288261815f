"""What happens when a deadline passes. Pure: state, directory and time in, new state out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from emon_calendar.working_days import day_of, end_of_day
from emon_contracts.events.feedback import Awaited, FeedbackOverdue
from emon_feedback.asking.rules import ACKNOWLEDGE_WITHIN_WORKING_DAYS, Candidate, Level, deadline, first_to_ask, next_to_ask
from emon_feedback.feedback.rules import Asked, Changed, Feedback, FeedbackStatus, facts

# Whoever is asked later gets as many days as the first ones had to acknowledge.
ASKED_AGAIN_AFTER_WORKING_DAYS = ACKNOWLEDGE_WITHIN_WORKING_DAYS
NOBODY_THERE_LOOK_AGAIN = timedelta(minutes=5)


def ask_next(feedback: Feedback, candidates: Sequence[Candidate], now: datetime) -> Changed:
    """Feedback that is due goes to the next ones. Where there is nobody at all it stays, and is looked at again."""
    never = {person for person in (feedback.author_id, feedback.about.person_id) if person}
    last = feedback.asked_last
    in_vain = tuple(item.person_id for item in last)
    if last:
        people = [item.person_id for item in feedback.asked]
        chosen = next_to_ask(candidates, never, people, in_vain, last[0].level)
    else:
        chosen = first_to_ask(candidates, {*never, *(item.person_id for item in feedback.asked)}) or _asked_before(
            feedback, candidates
        )
    if not chosen:
        return Changed(replace(feedback, look_at=now + NOBODY_THERE_LOOK_AGAIN))
    due_by = deadline(day_of(now), ASKED_AGAIN_AFTER_WORKING_DAYS, chosen)
    this_round = feedback.round + 1
    asked = {item.person_id: item for item in feedback.asked}
    asked |= {item.person_id: Asked(item.person_id, item.level, this_round, now) for item in chosen}
    waiting_for_acknowledgement = feedback.status is FeedbackStatus.RECEIVED
    changed = replace(
        feedback,
        due_by=due_by,
        look_at=end_of_day(due_by),
        round=this_round,
        asked=tuple(asked.values()),
        involved=feedback.involved | asked.keys(),
        version=feedback.version + 1,
    )
    event = FeedbackOverdue(
        **facts(changed),
        awaited=Awaited.ACKNOWLEDGEMENT if waiting_for_acknowledgement else Awaited.ANSWER,
        asked=tuple(item.person_id for item in chosen),
        asked_in_vain=in_vain,
        due_by=due_by,
    )
    return Changed(changed, event)


def _asked_before(feedback: Feedback, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those of earlier rounds who are still there, where everybody of the last one was erased; the highest level of them."""
    people = {item.person_id for item in feedback.asked}
    for level in reversed(Level):
        found = tuple(item for item in candidates if item.level is level and item.person_id in people)
        if found:
            return found
    return ()
