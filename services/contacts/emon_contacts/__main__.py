"""`python -m emon_contacts {migrate,api,worker,all}`."""

from emon_contacts.app import SERVICE
from emon_platform.service import main

if __name__ == "__main__":
    main(SERVICE)
