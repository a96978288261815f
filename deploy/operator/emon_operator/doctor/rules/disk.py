"""How much room is left."""

from dataclasses import dataclass

from emon_operator.doctor.findings import Finding, ok, problem, warning

SUBJECT = "disk"
GIB = 1024**3
SCARCE, ALMOST_NONE = 0.15, 0.05  # of the whole
SCARCE_BYTES, ALMOST_NONE_BYTES = 5 * GIB, 1 * GIB
PLENTY_BYTES = 100 * GIB  # of a very large disk, 15 % are no reason to call anybody


@dataclass(frozen=True, slots=True)
class Room:
    """A file system: its bytes, and how many of them and of its inodes may still be used. No inodes: it does not count them."""

    bytes_all: int
    bytes_free: int
    inodes_all: int = 0
    inodes_free: int = 0


def judge_room(where: str, room: Room) -> Finding:
    """Whether what lies here can go on growing."""
    said = f"{room.bytes_free / GIB:.1f} of {room.bytes_all / GIB:.1f} GiB free"
    mend = "Enlarge the file system, or move what else lies on it. A full disk stops PostgreSQL and Kafka."
    if room.inodes_all and room.inodes_free < ALMOST_NONE * room.inodes_all:
        return problem(SUBJECT, where, f"{room.inodes_free} of {room.inodes_all} inodes free", mend)
    if room.bytes_free < ALMOST_NONE_BYTES or (room.bytes_free < min(ALMOST_NONE * room.bytes_all, PLENTY_BYTES)):
        return problem(SUBJECT, where, said, mend)
    if room.bytes_free < SCARCE_BYTES or (room.bytes_free < min(SCARCE * room.bytes_all, PLENTY_BYTES)):
        return warning(SUBJECT, where, said, mend)
    return ok(SUBJECT, where, said)
