"""Wall-clock times, working days and calendar parts, as pure functions."""
