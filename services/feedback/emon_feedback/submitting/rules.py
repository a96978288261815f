"""What holds when feedback arrives. Pure: what was written and the directory in, new feedback or a refusal out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from emon_calendar.working_days import day_of, end_of_day
from emon_contracts.events.feedback import FeedbackKind, FeedbackSubmitted
from emon_contracts.refusals import Refusal
from emon_contracts.values import Ags
from emon_feedback.asking.rules import (
    ACKNOWLEDGE_WITHIN_WORKING_DAYS,
    ANSWER_WITHIN_WORKING_DAYS,
    Candidate,
    deadline,
    first_to_ask,
)
from emon_feedback.feedback.rules import About, Asked, Changed, Feedback, facts

WHICH_MUNICIPALITY = Refusal("which-municipality", "Say in ags which municipality it is about.", "/ags")
UNKNOWN_MUNICIPALITY = Refusal("unknown-municipality", "There is no such municipality, or not for you.", "/ags")


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody wrote. `author_id` is None for anonymous feedback; `ags` None where it follows from something else."""

    id: UUID
    ags: Ags | None
    about: About
    kind: FeedbackKind
    text: str
    author_id: UUID | None


def about_refusal(submission: Submission) -> Refusal | None:
    """Nobody writes feedback about themselves."""
    if submission.author_id is not None and submission.about.person_id == submission.author_id:
        return Refusal("about-yourself", "Feedback is for others. Talk to your contact person.", "/about/person_id")
    return None


def municipality(submission: Submission, reach: Collection[Ags], candidates: Collection[Ags]) -> Ags | Refusal:
    """Where it lies: as its author says, or the one municipality that it can be about.

    `reach` are the municipalities in which the author may write feedback, as far as they can be listed; `candidates` those of
    them in which the thing lies that it is about.
    """
    unknown = _unknown_refusal(submission.about)
    if unknown and not candidates:
        return unknown
    if submission.ags is not None:
        return unknown if unknown and submission.ags not in candidates else submission.ags
    possible = candidates if unknown else reach
    return next(iter(possible)) if len(possible) == 1 else WHICH_MUNICIPALITY


def _unknown_refusal(about: About) -> Refusal | None:
    """What to say where the thing does not exist; None for what needs not exist, such as a topic."""
    if about.person_id is not None:
        return Refusal("unknown-person", "There is no such person in this municipality.", "/about/person_id")
    if about.organisation_id is not None:
        return Refusal("unknown-organisation", "There is no such organisation in this municipality.", "/about/organisation_id")
    if about.meeting_id is not None:
        return Refusal("unknown-meeting", "There is no such meeting in this municipality.", "/about/meeting_id")
    return None


def submit(submission: Submission, ags: Ags, candidates: Sequence[Candidate], now: datetime) -> Changed:
    """New feedback, and who is asked first. Where nobody is there, the timer looks again from now on."""
    never = {person for person in (submission.author_id, submission.about.person_id) if person}
    asked = first_to_ask(candidates, never)
    today = day_of(now)
    acknowledge_by = deadline(today, ACKNOWLEDGE_WITHIN_WORKING_DAYS, asked)
    feedback = Feedback(
        id=submission.id,
        ags=ags,
        kind=submission.kind,
        about=submission.about,
        text=submission.text,
        anonymous=submission.author_id is None,
        author_id=submission.author_id,
        submitted_at=now,
        acknowledge_by=acknowledge_by,
        answer_by=deadline(today, ANSWER_WITHIN_WORKING_DAYS, asked),
        due_by=None,
        look_at=now,
        round=0,
        asked=(),
        involved=frozenset(),
    )
    if asked:
        feedback = replace(
            feedback,
            due_by=acknowledge_by,
            look_at=end_of_day(acknowledge_by),
            round=1,
            asked=tuple(Asked(item.person_id, item.level, 1, now) for item in asked),
            involved=frozenset(item.person_id for item in asked),
        )
    event = FeedbackSubmitted(
        **facts(feedback),
        author_id=feedback.author_id,
        asked=tuple(item.person_id for item in asked),
        acknowledge_by=feedback.acknowledge_by,
    )
    return Changed(feedback, event)
