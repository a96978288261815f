"""What a reading means: pure functions from readings to findings."""
