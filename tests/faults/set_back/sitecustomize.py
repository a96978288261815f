"""On the PYTHONPATH of a service's process: its clock is an hour behind everybody else's, and goes on from there."""

import time

import time_machine
import uuid_utils.compat

time_machine.travel(time.time() - 3600, tick=True).start()

# UUIDs of version 7 are made in Rust, which time_machine does not reach.
_made_by_the_true_clock = uuid_utils.compat.uuid7
uuid_utils.compat.uuid7 = lambda: _made_by_the_true_clock(nanoseconds=time.time_ns())
