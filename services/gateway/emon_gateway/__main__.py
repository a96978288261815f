"""`python -m emon_gateway {migrate,api,worker,all}`."""

from emon_gateway.app import SERVICE
from emon_platform.service import main

main(SERVICE)
