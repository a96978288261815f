"""`python -m emon_meetings {migrate,api,worker,all}`."""

from emon_platform.entry import main

if __name__ == "__main__":
    main("emon_meetings")
