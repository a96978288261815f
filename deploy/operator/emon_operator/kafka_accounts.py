"""Accounts and rights in Kafka, by librdkafka's administration client: aiokafka knows neither."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException, admin as typed_admin

from emon_operator.kafka_rights import Right
from emon_platform.kafka_access import KafkaAccess

# Its types refuse what its documentation shows.
admin: Any = typed_admin

ANSWERS_WITHIN_S = 10.0
ITERATIONS = 8192
LOOK_EVERY_S = 1.0
LOOK_FOR_EFFECT_EVERY_S = 0.1
_MECHANISMS = {"SCRAM-SHA-256": admin.ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": admin.ScramMechanism.SCRAM_SHA_512}


class KafkaUnreachable(Exception):
    """No broker answered in time, or none took who we are; the message says which."""


class Administration:
    """Kafka as its administrator sees it. What fails raises KafkaException."""

    def __init__(self, kafka: KafkaAccess) -> None:
        self._kafka = kafka
        self._complaint = "no broker answered"
        self._client: Any = admin.AdminClient(
            {
                "bootstrap.servers": kafka.bootstrap,
                "security.protocol": kafka.protocol,
                "sasl.mechanism": kafka.mechanism,
                "sasl.username": kafka.username or "",
                "sasl.password": kafka.password,
                "log_level": 0,
                "error_cb": self._note,
                **({"ssl.ca.location": str(kafka.authorities_file)} if kafka.authorities_file else {}),
            }
        )

    def wait_until_it_answers(self, within_s: float) -> None:
        """Raises KafkaUnreachable where it does not in time."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                self._client.list_topics(timeout=LOOK_EVERY_S)
                return
            except KafkaException:
                self._client.poll(LOOK_EVERY_S)  # waits, and calls _note
                if time.monotonic() > deadline:
                    raise KafkaUnreachable(f"{self._kafka.bootstrap}: {self._complaint}") from None

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Makes the accounts that are missing, and sets the password of each, with which it is let in by then.

        Raises KafkaUnreachable for one that is not.
        """
        # An administrator may come by another means; accounts that are made here come by SCRAM.
        mechanism = "SCRAM-SHA-256" if self._kafka.mechanism == "PLAIN" else self._kafka.mechanism
        credential = admin.ScramCredentialInfo(_MECHANISMS[mechanism], ITERATIONS)
        wanted = [
            admin.UserScramCredentialUpsertion(account, credential, password.encode()) for account, password in passwords.items()
        ]
        self._all(self._client.alter_user_scram_credentials(wanted, request_timeout=ANSWERS_WITHIN_S))
        # The controller has answered; the brokers hear of it a moment later.
        for account, password in passwords.items():
            access = replace(self._kafka, username=account, password=password, mechanism=mechanism)
            Administration(access).wait_until_it_answers(ANSWERS_WITHIN_S)

    def set_rights(self, accounts: Collection[str], wanted: Collection[Right]) -> tuple[int, int]:
        """Lets these accounts do what is wanted and nothing else, from then on; answers how many rights came, and how many went.

        Raises KafkaUnreachable where the broker does not follow in time.
        """
        held = self._held_by(accounts)
        due: set[Any] = {_binding(right) for right in wanted}
        missing, superfluous = due - held, held - due
        if missing:
            self._all(self._client.create_acls(list(missing), request_timeout=ANSWERS_WITHIN_S))
        if superfluous:
            gone = [
                admin.AclBindingFilter(
                    binding.restype,
                    binding.name,
                    binding.resource_pattern_type,
                    binding.principal,
                    binding.host,
                    binding.operation,
                    binding.permission_type,
                )
                for binding in superfluous
            ]
            self._all(self._client.delete_acls(gone, request_timeout=ANSWERS_WITHIN_S))
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while self._held_by(accounts) != due:
            if time.monotonic() > deadline:
                raise KafkaUnreachable(f"{self._kafka.bootstrap}: rights were changed, and the broker does not know of it")
            time.sleep(LOOK_FOR_EFFECT_EVERY_S)
        return len(missing), len(superfluous)

    def _held_by(self, accounts: Collection[str]) -> set[Any]:
        return {binding for account in accounts for binding in self._held_by_one(account)}

    def _held_by_one(self, account: str) -> list[Any]:
        everything = admin.AclBindingFilter(
            admin.ResourceType.ANY,
            None,
            admin.ResourcePatternType.ANY,
            f"User:{account}",
            None,
            admin.AclOperation.ANY,
            admin.AclPermissionType.ANY,
        )
        return self._client.describe_acls(everything, request_timeout=ANSWERS_WITHIN_S).result()

    def _all(self, futures: Mapping[Any, Any]) -> None:
        for future in futures.values():
            future.result()

    def _note(self, error: Any) -> None:
        self._complaint = str(error)


def _binding(right: Right) -> Any:
    return admin.AclBinding(
        admin.ResourceType[right.kind],
        right.name,
        admin.ResourcePatternType.LITERAL,
        f"User:{right.account}",
        "*",
        admin.AclOperation[right.operation],
        admin.AclPermissionType.ALLOW,
    )
