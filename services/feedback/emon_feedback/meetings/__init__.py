"""The copy of meetings: which there are, so that feedback can be about one."""
