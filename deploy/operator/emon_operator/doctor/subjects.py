"""All that the doctor looks at, put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emon_embedded.running_platform import running_platform
from emon_operator.doctor import broker, certificates, clock, databases, disk, lag, sender_domain, settings, smtp
from emon_operator.doctor.examination import Check, Subject
from emon_operator.doctor.installation import Installation, installation_in, installation_of, is_external
from emon_operator.variables import operator_variables


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for besides: a mail to somebody, another name server, the selector of DKIM, further addresses of health."""

    send_to: str | None = None
    resolver: str | None = None
    dkim_selector: str | None = None
    health_urls: tuple[str, ...] = ()


def installation(home: Path, environment: Mapping[str, str], services: Sequence[str]) -> Installation | None:
    """What is examined: the parts that the environment names, else the platform that runs in the home, if one does."""
    if is_external(environment):
        return installation_of(environment, services)
    running = running_platform(home)
    return None if running is None else installation_in(home, running, environment)


def checks_of(installation: Installation, wishes: Wishes, skipped: set[Subject]) -> list[Check]:
    """All checks, in the order in which findings are shown."""
    by_subject = {
        Subject.SETTINGS: settings.checks(installation, operator_variables()),
        Subject.DATABASES: databases.checks(installation),
        Subject.BROKER: broker.checks(installation),
        Subject.SMTP: smtp.checks(installation, wishes.send_to),
        Subject.DNS: sender_domain.checks(installation, wishes.resolver, wishes.dkim_selector),
        Subject.CERTIFICATES: certificates.checks(installation),
        Subject.CLOCK: clock.checks(installation),
        Subject.DISK: disk.checks(installation),
        Subject.LAG: lag.checks(installation, wishes.health_urls),
    }
    return [check for subject, checks in by_subject.items() if subject not in skipped for check in checks]
