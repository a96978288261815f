"""`python small_platform.py HOME PORT MAIL_PORT DASHBOARD_PORT`: the platform with two small services and one topic."""

import asyncio
import sys
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from emon_embedded.credentials import ACTOR_TOKEN, SIGNED_LINK
from emon_embedded.platform_run import CannotRun, Options, run_platform
from emon_embedded.screen import Screen
from emon_embedded.services import GATEWAY, Service
from emon_platform.kafka_access import KafkaAccess

SERVICES = (
    Service("notifications", "small_service", verifies=(ACTOR_TOKEN,), signs=(SIGNED_LINK,), sends_mail=True),
    Service(GATEWAY, "small_service", signs=(ACTOR_TOKEN,), verifies=(SIGNED_LINK,), calls=("notifications",)),
)


async def create_topic(kafka: KafkaAccess) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("words", 1, 1)])
    await admin.close()


if __name__ == "__main__":
    home, port, mail_port, dashboard_port = sys.argv[1:]
    options = Options(Path(home), int(port), int(mail_port), int(dashboard_port), services=SERVICES, prepare_broker=create_topic)
    try:
        asyncio.run(run_platform(options, Screen()))
    except CannotRun as failure:
        sys.exit(f"EmON cannot run: {failure}")
