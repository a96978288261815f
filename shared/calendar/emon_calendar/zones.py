"""Wall-clock times and daylight saving: which local times do not exist, and which exist twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from emon_contracts.refusals import Refusal
from emon_contracts.values import ZonedDateTime


def local_time_refusal(start: ZonedDateTime, pointer: str = "/start/local") -> Refusal | None:
    """Why nobody can come at this time: the clock skips it, or shows it twice. None for every other time.

    The refusal names the nearest times that can be meant, since whoever reads it has to choose one.
    """
    zone = ZoneInfo(start.time_zone)
    first = start.local.replace(tzinfo=zone, fold=0)
    second = start.local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return None
    # PEP 495: in a gap fold=0 reads with the offset before it, so that its instant is the later one; in a fold the earlier.
    earlier, later = sorted((first.astimezone(UTC), second.astimezone(UTC)))
    change = transition_between(zone, earlier - timedelta(minutes=1), later)
    before, after = (_wall_clock(zone, change - timedelta(microseconds=1)), _wall_clock(zone, change))
    reached = before + timedelta(microseconds=1)  # what the clock would show at the change, had it not been moved
    bounds = f"choose a time before {min(reached, after):%H:%M} or from {max(reached, after):%H:%M} on"
    move = f"on {reached:%Y-%m-%d} clocks in {start.time_zone} go from {reached:%H:%M} to {after:%H:%M}"
    if after > reached:
        return Refusal("local-time-skipped", f"{start.local:%H:%M} does not exist: {move}; {bounds}", pointer)
    return Refusal("local-time-ambiguous", f"{start.local:%H:%M} comes twice: {move}; {bounds}", pointer)


def end_instant(start: ZonedDateTime, duration_minutes: int) -> datetime:
    """The moment in UTC at which something ends. The duration is time that passes, also across a change of the clocks."""
    return start.instant() + timedelta(minutes=duration_minutes)


def end_of(start: ZonedDateTime, duration_minutes: int) -> ZonedDateTime:
    """What the wall clock shows at the end, in the zone of the start."""
    local = _wall_clock(ZoneInfo(start.time_zone), end_instant(start, duration_minutes))
    # Not validated anew: the bounds on years are for what people enter, and an end may lie beyond the last of them.
    return ZonedDateTime.model_construct(local=local, time_zone=start.time_zone)


def transition_between(zone: ZoneInfo, earlier: datetime, later: datetime) -> datetime:
    """The first moment (UTC, to the second) with the offset of `later`. Between the two the offset changes once."""
    offset = later.astimezone(zone).utcoffset()
    while later - earlier > timedelta(seconds=1):
        middle = earlier + timedelta(seconds=int((later - earlier).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            later = middle
        else:
            earlier = middle
    return later


def _wall_clock(zone: ZoneInfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
