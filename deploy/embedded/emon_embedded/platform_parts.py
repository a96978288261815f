"""What a platform on this machine consists of: PostgreSQL, Kafka, mail sink and services, with their ports and secrets."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emon_embedded.credentials import keep_credentials
from emon_embedded.home import Home
from emon_embedded.kafka import Kafka
from emon_embedded.mail_sink_process import MailSink
from emon_embedded.ports import LOOPBACK, free_ports
from emon_embedded.postgresql import PostgreSQL
from emon_embedded.processes import Account, Command
from emon_embedded.running_platform import RunningPlatform, RunningService
from emon_embedded.service_databases import SUPERUSER, role_names, service_database
from emon_embedded.services import ADMIN_EMAIL_DEFAULT, DASHBOARD, GATEWAY, Service, Surroundings, service_environment


@dataclass(frozen=True)
class Programs:
    """What was fetched, and the account that runs PostgreSQL."""

    postgresql: Path
    kafka_jars: tuple[Path, ...]
    account: Account


@dataclass(frozen=True)
class Parts:
    """Everything that will run, with all ports and passwords decided."""

    postgresql: PostgreSQL
    kafka: Kafka
    sink: MailSink
    services: tuple[Service, ...]
    passwords: Mapping[str, str]
    around: Surroundings
    environment: Mapping[str, str]
    home_lock: int

    def service_command(self, service: Service, role: str) -> Command:
        """A service as `migrate`, which ends, or as `all`."""
        name = service.name if role == "all" else f"{service.name}-{role}"
        return Command(
            name=name,
            arguments=(sys.executable, "-m", service.module, role),
            folder=self.around.home.folder,
            log=self.around.home.log(name),
            environment=service_environment(service, self.around, self.environment),
            inherited_files=(self.home_lock,),
        )

    def as_running(self, supervisor_pid: int) -> RunningPlatform:
        """What other commands may know of it."""
        services = {
            service.name: RunningService(self.around.url(service.name), self.around.databases[service.name])
            for service in self.services
            if service.has_database
        }
        return RunningPlatform(
            supervisor_pid=supervisor_pid,
            gateway_url=self.around.url(GATEWAY),
            public_url=self.around.public_url,
            dashboard_url=self.around.dashboard_url,
            mail_url=self.sink.http_url,
            smtp_url=self.sink.smtp_url,
            kafka_bootstrap=self.kafka.bootstrap_servers,
            admin_email=self.around.admin_email,
            operations_urls={service.name: self.around.operations_url(service.name) for service in self.services},
            services=services,
        )


def assemble(
    home: Home,
    programs: Programs,
    services: tuple[Service, ...],
    *,
    port: int,
    mail_port: int,
    dashboard_port: int,
    environment: Mapping[str, str],
    home_lock: int,
) -> Parts:
    """The parts of the platform in this home. Missing credentials are made; ports within are chosen anew each time."""
    with_database = tuple(service.name for service in services if service.has_database)
    passwords = keep_credentials(home, [SUPERUSER, *role_names(with_database)]).passwords
    chosen_ports = {GATEWAY: port, DASHBOARD: dashboard_port}
    inner_names = [service.name for service in services if service.name not in chosen_ports]
    has_dashboard = any(service.name == DASHBOARD for service in services)
    postgresql_port, kafka_port, controller_port, smtp_port, *ports = free_ports(4 + len(inner_names) + len(services))
    inner_ports, operations_ports = ports[: len(inner_names)], ports[len(inner_names) :]
    postgresql = PostgreSQL(
        program=programs.postgresql,
        folder=home.postgresql,
        port=postgresql_port,
        superuser_password=passwords[SUPERUSER],
        log=home.log("postgresql"),
        account=programs.account,
        inherited_files=(home_lock,),
    )
    kafka = Kafka(
        jars=programs.kafka_jars,
        folder=home.kafka,
        port=kafka_port,
        controller_port=controller_port,
        log=home.log("kafka"),
        inherited_files=(home_lock,),
    )
    sink = MailSink(
        folder=home.mails,
        smtp_port=smtp_port,
        http_port=mail_port,
        log=home.log("mail-sink"),
        inherited_files=(home_lock,),
    )
    around = Surroundings(
        home=home,
        kafka_bootstrap=kafka.bootstrap_servers,
        public_url=environment.get("EMON_PUBLIC_URL") or f"http://{LOOPBACK}:{port}",
        dashboard_url=(environment.get("EMON_DASHBOARD_URL") or f"http://{LOOPBACK}:{dashboard_port}") if has_dashboard else None,
        smtp_url=environment.get("EMON_SMTP_URL") or sink.smtp_url,
        admin_email=environment.get("EMON_ADMIN_EMAIL") or ADMIN_EMAIL_DEFAULT,
        ports={**dict(zip(inner_names, inner_ports, strict=True)), **chosen_ports},
        operations_ports=dict(zip((service.name for service in services), operations_ports, strict=True)),
        databases={name: service_database(postgresql.access, name, passwords) for name in with_database},
    )
    return Parts(postgresql, kafka, sink, services, passwords, around, environment, home_lock)
