"""`python -m emon_feedback {migrate,api,worker,all}`."""

from emon_platform.entry import main

if __name__ == "__main__":
    main("emon_feedback")
