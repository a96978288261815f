"""Whether other mail servers believe that mail of the sender's domain is ours: MX, SPF (RFC 7208), DKIM (6376), DMARC (7489)."""

from collections.abc import Sequence

from emon_operator.doctor.findings import Finding, ok, problem, warning

SUBJECT = "dns"
# Names that lead nowhere by definition (RFC 2606, RFC 6761, RFC 8375): a trial's.
RESERVED = (
    "example",
    "invalid",
    "test",
    "localhost",
    "example.com",
    "example.net",
    "example.org",
    "local",
    "internal",
    "home.arpa",
)


def is_reserved(domain: str) -> bool:
    """Whether nobody's DNS knows this domain."""
    return any(domain == name or domain.endswith(f".{name}") for name in RESERVED)


def judge_mail_servers(domain: str, hosts: Sequence[str], *, exists: bool) -> Finding:
    """MX: where answers and bounces go. An empty host is the null MX (RFC 7505)."""
    if not exists:
        return problem(SUBJECT, domain, "the domain does not exist", "Check EMON_MAIL_FROM.")
    if not hosts or not any(hosts):
        what = "it has no MX record: bounces and answers reach nobody, and many servers refuse its mail"
        return problem(SUBJECT, domain, what, "Add an MX record that names the mail server which takes mail for this domain.")
    return ok(SUBJECT, domain, f"MX {', '.join(hosts)}")


def judge_spf(domain: str, texts: Sequence[str]) -> Finding:
    """SPF: which servers may send for the domain."""
    records = [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    example = "v=spf1 mx -all (or with include: and the name that the provider of the mail server says)"
    if not records:
        return problem(SUBJECT, domain, "it has no SPF record: its mail looks forged", f"Add a TXT record such as {example}.")
    if len(records) > 1:
        return problem(SUBJECT, domain, "it has several SPF records, which counts as none", "Make one TXT record of them.")
    last = records[0].lower().split()[-1]
    if last in ("+all", "all"):
        return problem(SUBJECT, domain, f"its SPF record ends with {last}: everybody may send in its name", "End it with -all.")
    if last not in ("-all", "~all") and "redirect=" not in last:
        return warning(SUBJECT, domain, f"its SPF record ends with {last}, so it forbids nobody", "End it with -all.")
    return ok(SUBJECT, domain, f"SPF {records[0]}")


def judge_dkim(domain: str, selector: str | None, texts: Sequence[str]) -> Finding:
    """DKIM: the key with which the mail server signs."""
    if selector is None:
        mend = "Say the selector with --dkim-selector (EMON_DKIM_SELECTOR); who runs the mail server knows it."
        return warning(SUBJECT, domain, "DKIM was not looked at: its selector is not known", mend)
    name = f"{selector}._domainkey.{domain}"
    tags = [_tags(text) for text in texts]
    keys = [found for found in tags if "p" in found]
    if not keys:
        mend = "Add the TXT record that the mail server shows for its key, or check the selector."
        return problem(SUBJECT, name, "there is no DKIM key: signatures cannot be checked", mend)
    if not any(found["p"] for found in keys):
        return problem(
            SUBJECT, name, "the DKIM key is revoked (p= is empty)", "Publish the key with which the mail server signs now."
        )
    if any("y" in found.get("t", "").split(":") for found in keys):
        return warning(SUBJECT, name, "the DKIM key is marked as a test (t=y)", "Take t=y out once mails arrive with dkim=pass.")
    return ok(SUBJECT, name, "DKIM key published")


def judge_dmarc(domain: str, found_at: str | None, texts: Sequence[str]) -> Finding:
    """DMARC: what others do with mail that neither SPF nor DKIM speaks for. `found_at`: the domain that has the record."""
    if found_at is None:
        mend = f"Add a TXT record at _dmarc.{domain}: v=DMARC1; p=quarantine; rua=mailto:…"
        return warning(SUBJECT, domain, "it has no DMARC record: anybody may forge mail in its name", mend)
    where = f"_dmarc.{found_at}"
    if len(texts) > 1:
        return problem(SUBJECT, where, "there are several DMARC records, which counts as none", "Leave one of them.")
    tags = _tags(texts[0])
    policy = tags.get("p", "")
    if found_at != domain:
        policy = tags.get("sp", policy)
    if policy not in ("none", "quarantine", "reject"):
        return problem(SUBJECT, where, f"its policy is {policy or 'missing'}", "Say p=quarantine or p=reject.")
    if policy == "none":
        return warning(
            SUBJECT, where, "its policy is none: forged mail is delivered all the same", "Say p=quarantine, later p=reject."
        )
    return ok(SUBJECT, where, f"DMARC policy {policy}")


def not_asked(domain: str, why: str) -> Finding:
    """No name server was there to be asked."""
    mend = "Name one that knows the internet with --resolver, run `emon doctor` where there is one, or leave this out by --skip."
    return warning(SUBJECT, domain, f"nothing is known of its DNS: {why}", mend)


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
