"""Whether two clocks show the same time."""

from emon_operator.doctor.findings import Finding, ok, problem, warning

SUBJECT = "clock"
NOTICED_S = 2.0
# Tokens are taken for so long after they end (emon_platform.identity): beyond that, people are turned away.
HARMFUL_S = 10.0

_MEND = "Let both machines take their time from one NTP server (timedatectl timesync-status, chronyc tracking)."


def judge_offset(where: str, ahead_s: float, precision_s: float) -> Finding:
    """`ahead_s`: how far our clock is ahead of the other; it may be wrong by `precision_s`."""
    certain_s = max(abs(ahead_s) - precision_s, 0.0)
    if certain_s <= NOTICED_S:
        return ok(SUBJECT, where, "shows the same time as ours")
    said = f"our clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} it"
    if certain_s <= HARMFUL_S:
        return warning(SUBJECT, where, said, _MEND)
    return problem(SUBJECT, where, f"{said}: sign-ins and deadlines go wrong", _MEND)
