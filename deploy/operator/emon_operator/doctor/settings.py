"""Reads the settings of all services, and the files that they name."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from joserfc.jwk import OKPKey
from pydantic_settings import BaseSettings

from emon_gateway.settings import GatewaySettings
from emon_notifications.smtp import SmtpSettings
from emon_operator.doctor.examination import Check
from emon_operator.doctor.findings import Finding, or_ok, problem
from emon_operator.doctor.installation import Installation, known_variables
from emon_operator.doctor.rules import settings as rules
from emon_operator.doctor.rules.sender_domain import is_reserved
from emon_platform.settings import PREFIX, variable_of
from emon_platform.signed_links import load_key

SAME_FOR_ALL = ("kafka_bootstrap", "public_url", "dashboard_url")
# An engine mounts secrets there; who may read them is the matter of the folder they come from, outside of the container.
MOUNTED_SECRETS = Path("/run/secrets")
KEY_PURPOSES = ("actor_token", "signed_link")


def checks(installation: Installation, own_variables: frozenset[str]) -> list[Check]:
    """`own_variables`: what the commands and the embedded platform read themselves."""

    async def run() -> Sequence[Finding]:
        found = [*_of_each(installation, own_variables), *_together(installation), *_secrets(installation)]
        return or_ok(found, rules.SUBJECT, ", ".join(installation.environments), "complete, and without contradictions")

    return [Check(rules.SUBJECT, "settings", run)]


def _of_each(installation: Installation, own_variables: frozenset[str]) -> Iterator[Finding]:
    for service, wrong in installation.wrong.items():
        yield from rules.judge_wrong(service, wrong)
    variables = {name for environment in installation.environments.values() for name in environment if name.startswith(PREFIX)}
    known = known_variables() | own_variables
    yield from rules.judge_unknown(variables - known, known)
    if (settings := installation.notifications()) is not None:
        try:
            host = SmtpSettings.from_url(settings.smtp_url).host
        except ValueError as error:
            yield from rules.judge_wrong("notifications", {variable_of("smtp_url"): str(error)})
        else:
            domain = settings.mail_from.rpartition("@")[2]
            yield from rules.judge_mail_from(settings.mail_from, leads_nowhere=is_reserved(domain), smtp_host=host)
        yield from rules.judge_hold(settings.hold_events_before and settings.hold_events_before.isoformat())
    if isinstance(gateway := installation.settings.get("gateway"), GatewaySettings):
        yield from rules.judge_proxies(gateway.trusted_proxies, gateway.public_url)
        yield from rules.judge_sessions(gateway.session_idle.total_seconds(), gateway.session_lifetime.total_seconds())


def _together(installation: Installation) -> Iterator[Finding]:
    for field in SAME_FOR_ALL:
        yield from rules.judge_same(variable_of(field), installation.said(variable_of(field)))
    for field in ("public_url", "dashboard_url"):
        for url in sorted({*installation.said(variable_of(field)).values()}):
            yield from rules.judge_public_url(variable_of(field), url)
    yield from rules.judge_databases(installation.database_urls())
    for purpose in KEY_PURPOSES:
        yield from _keys(installation, purpose)


def _keys(installation: Installation, purpose: str) -> Iterator[Finding]:
    signs: str | None = None
    verify: dict[str, str] = {}
    for service, settings in installation.settings.items():
        for half in ("private", "public"):
            file = _file(settings, f"{purpose}_{half}_key_file")
            if file is None:
                continue
            try:
                public = _public_half(load_key(file))
            except (OSError, ValueError) as error:
                said = error.strerror if isinstance(error, OSError) else "it is not an Ed25519 key in JWK form"
                mend = "Name the file of a key as docs/settings.md says, which the account of the service can read."
                yield problem(rules.SUBJECT, f"{service}: {file}", f"the key cannot be read: {said}", mend)
                continue
            if half == "private":
                signs = public
            else:
                verify[service] = public
    yield from rules.judge_key_pair(purpose.replace("_", " "), signs, verify)


def _secrets(installation: Installation) -> Iterator[Finding]:
    files = {
        file
        for settings in installation.settings.values()
        for name in type(settings).model_fields
        if "private_key" in name and (file := _file(settings, name)) is not None
    }
    if installation.home is not None:
        files |= {installation.home.folder, installation.home.platform_file, *installation.home.secrets.glob("*")}
    for file in sorted(files):
        if file.parent != MOUNTED_SECRETS and file.exists():
            yield from rules.judge_secret_file(rules.SecretFile(str(file), file.stat().st_mode))


def _file(settings: BaseSettings, name: str) -> Path | None:
    found: object = getattr(settings, name, None)
    return found if isinstance(found, Path) else None


def _public_half(key: OKPKey) -> str:
    return json.dumps(key.as_dict(private=False)["x"])
