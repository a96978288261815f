"""How long free text is kept. Pure."""

from datetime import datetime, timedelta

TEXT_KEPT_FOR_MONTHS = 24


def texts_end_at(now: datetime) -> datetime:
    """What was written before is not kept any more. The 29th of February ends with the 28th."""
    year = now.year - TEXT_KEPT_FOR_MONTHS // 12
    try:
        return now.replace(year=year)
    except ValueError:
        return (now - timedelta(days=1)).replace(year=year)
