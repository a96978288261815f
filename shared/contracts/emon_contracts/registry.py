"""Every message of the platform, by type. What stands here is what AsyncAPI documents and what consumers know."""

from collections.abc import Mapping

from emon_contracts.directory import MunicipalityRecord, OrganisationRecord, PersonRecord
from emon_contracts.envelope import Payload
from emon_contracts.events.contacts import OrganisationRegistered, PersonChanged, PersonErased, PersonRegistered
from emon_contracts.events.feedback import (
    FeedbackAcknowledged,
    FeedbackAnswered,
    FeedbackContinued,
    FeedbackOverdue,
    FeedbackPutOff,
    FeedbackSubmitted,
)
from emon_contracts.events.gateway import SignInRequested
from emon_contracts.events.meetings import (
    InvitationReplied,
    InvitationsIssued,
    MeetingCancelled,
    MeetingRescheduled,
    MeetingRetitled,
    MeetingScheduled,
)
from emon_contracts.events.notifications import DeliveryFailed, DeliverySettled

MESSAGES: Mapping[str, type[Payload]] = {
    message.TYPE: message
    for message in (
        OrganisationRegistered,
        PersonRegistered,
        PersonChanged,
        PersonErased,
        MeetingScheduled,
        MeetingRescheduled,
        MeetingRetitled,
        MeetingCancelled,
        InvitationsIssued,
        InvitationReplied,
        FeedbackSubmitted,
        FeedbackAcknowledged,
        FeedbackPutOff,
        FeedbackAnswered,
        FeedbackContinued,
        FeedbackOverdue,
        DeliveryFailed,
        DeliverySettled,
        SignInRequested,
        PersonRecord,
        OrganisationRecord,
        MunicipalityRecord,
    )
}


def is_newer_version_of_known(type_: str) -> bool:
    """Whether this is, say, v2 of a type known as v1: not to be skipped, since it is one of ours."""
    stem, _, version = type_.rpartition(".v")
    return version.isdigit() and any(known.rpartition(".v")[0] == stem and known != type_ for known in MESSAGES)
