"""Settings of meetings."""

from emon_platform.settings import ServiceSettings


class MeetingsSettings(ServiceSettings):
    """Meetings has no settings beyond those of every service."""
