"""`python -m emon_meetings {migrate,api,worker,all}`."""

from emon_meetings.app import SERVICE
from emon_platform.service import main

if __name__ == "__main__":
    main(SERVICE)
