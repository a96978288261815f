"""`python -m emon_operator`, the same as `emon`."""

from emon_operator.command import app

if __name__ == "__main__":
    app()
