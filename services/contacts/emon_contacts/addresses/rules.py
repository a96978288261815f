"""Who proposes an address for whom, and for how long it can be confirmed.

An address becomes a person's only when somebody who reads its mail says so. The person themself proposes one whenever they like.
A coordinator does where the address that stands there takes no mail, which notifications knows: it sends the confirmation to a
coordinator's proposal only if there is no address, or one that a mail server refused for good. And only for somebody whom the
coordinator could enter just so: otherwise a mailbox of their own would let them in as somebody who may do more than they.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from emon_contacts.people.rules import check_change
from emon_contracts.actors import Actor
from emon_contracts.directory import PersonRecord, effective_grants
from emon_contracts.permissions import Scope, may_grant
from emon_contracts.refusals import Refusal
from emon_contracts.values import email_key

CONFIRMED_WITHIN = timedelta(days=3)
FORMER_ADDRESS_KEPT = timedelta(days=7)  # until the notice went there, whatever the mail server takes its time for
PROPOSALS_A_DAY_MAX = 5  # each is a mail to a mailbox that may be a stranger's


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A proposed address. `revision` numbers those of one person that are known, and stands in the link that confirms it.

    A number is given anew only once the proposal is forgotten, and by then its link has expired as well.
    """

    id: UUID
    revision: int
    email: str
    proposed_by: UUID
    proposed_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None = None

    def is_pending(self, now: datetime) -> bool:
        """Whether it can still be confirmed, unless there is a newer one."""
        return self.confirmed_at is None and now < self.expires_at


def check_proposal(
    person: PersonRecord, wanted: str, actor: Actor, scope: Scope, earlier: Collection[AddressChange], now: datetime
) -> Refusal | None:
    """What stands against this address for this person. `earlier` are the proposals that are still known."""
    if person.email is not None and email_key(person.email) == email_key(wanted):
        return Refusal("address-unchanged", "This is the person's address already.", "/email")
    if sum(change.proposed_at > now - timedelta(days=1) for change in earlier) >= PROPOSALS_A_DAY_MAX:
        return Refusal("too-many-proposals", f"At most {PROPOSALS_A_DAY_MAX} a day; try again tomorrow.", conflict=True)
    if actor.person_id == person.person_id:
        return None
    shared = check_change(scope, person.memberships, person.grants)
    if shared is not None:
        return shared
    if not all(may_grant(actor, grant) for grant in effective_grants(person.memberships, person.grants)):
        return Refusal(
            "address-beyond-own", "This person may do more than you; they mend their address themselves.", conflict=True
        )
    if any(change.proposed_by == person.person_id and change.is_pending(now) for change in earlier):
        return Refusal("address-pending", "The person themself has just proposed another address.", conflict=True)
    return None
