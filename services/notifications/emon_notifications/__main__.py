"""`python -m emon_notifications {migrate,api,worker,all}`."""

from emon_platform.entry import main

if __name__ == "__main__":
    main("emon_notifications")
