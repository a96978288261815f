"""What Helm makes of the chart keeps its promises: nobody may do more than their work needs, and no update loses a request."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from emon_contracts.topics import PARTITIONS
from emon_platform.http.server import SHUTDOWN_TIMEOUT_S

from documents.composition import composition
from tests.deploy.chart import FULL, HELM, NAME, RELEASE, ROLE, ROOT, Json, Pod, Rendered, render

pytestmark = pytest.mark.skipif(HELM is None, reason="helm is not on the path")

HTTP, OPERATIONS = 8000, 9000
BEHIND_THE_GATEWAY = ("contacts", "meetings", "feedback", "notifications")
# After its server, a worker ends its mails and its batch: notifications' mailer takes 10 s, FastStream 15 s.
WORKER_ENDS_WITHIN_S = 20


@pytest.fixture(scope="module", params=["defaults", "full"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render() if request.param == "defaults" else render("--values", str(FULL))


@pytest.fixture(scope="module")
def full() -> Rendered:
    return render("--values", str(FULL))


def test_every_service_runs_in_each_of_its_roles(rendered: Rendered) -> None:
    found = {(pod.controller["kind"], pod.service, pod.role) for pod in rendered.workloads()}
    with_database = (*BEHIND_THE_GATEWAY, "gateway")
    assert found == {
        *(("Deployment", service, "api") for service in (*with_database, "dashboard")),
        *(("StatefulSet", service, "worker") for service in with_database),
    }


def test_every_pod_runs_as_nobody_and_may_do_nothing(rendered: Rendered) -> None:
    assert len(rendered.pods()) == 11 + 6 + 1
    for pod in rendered.pods():
        assert pod.spec["securityContext"]["runAsNonRoot"] is True
        assert pod.spec["securityContext"]["runAsUser"] >= 1000
        assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.spec["automountServiceAccountToken"] is False
        assert pod.spec["serviceAccountName"] in rendered.of("ServiceAccount")
        assert pod.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert [mount["mountPath"] for mount in pod.container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]


def test_no_service_of_the_cluster_becomes_a_setting_of_ours(rendered: Rendered) -> None:
    assert all(pod.spec["enableServiceLinks"] is False for pod in rendered.pods())


def test_every_pod_asks_for_what_it_needs_and_has_an_end_to_it(rendered: Rendered) -> None:
    for pod in rendered.pods():
        assert pod.container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in pod.container["resources"]["limits"]


def test_every_workload_says_how_it_is(rendered: Rendered) -> None:
    for pod in rendered.workloads():
        ports = {port["name"] for port in pod.container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert pod.container[probe]["httpGet"]["port"] in ports


def test_a_service_that_is_not_ready_closes_no_door_to_the_others(rendered: Rendered) -> None:
    ready = {pod.service: pod.container["readinessProbe"]["httpGet"]["path"] for pod in rendered.workloads() if pod.role == "api"}
    assert ready == dict.fromkeys(BEHIND_THE_GATEWAY, "/health/ready") | dict.fromkeys(("gateway", "dashboard"), "/health/live")


def test_whoever_is_told_to_stop_has_time_to_finish(rendered: Rendered) -> None:
    for pod in rendered.workloads():
        before_s = pod.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        needed_s = before_s + SHUTDOWN_TIMEOUT_S + (WORKER_ENDS_WITHIN_S if pod.role == "worker" else 0)
        assert pod.spec["terminationGracePeriodSeconds"] > needed_s
        assert (before_s > 0) == (pod.role == "api")


def test_an_update_takes_no_api_away_before_its_successor_is_ready(rendered: Rendered) -> None:
    for pod in rendered.workloads():
        if pod.role == "api":
            assert pod.controller["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_worker_comes_back_under_its_name(rendered: Rendered) -> None:
    for worker in rendered.of("StatefulSet").values():
        [container] = worker["spec"]["template"]["spec"]["containers"]
        assert {"name": "EMON_WORKER_INSTANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in container["env"]
        assert worker["spec"]["serviceName"] in rendered.of("Service")


def test_every_workload_may_lose_one_pod_at_a_time(rendered: Rendered) -> None:
    selected = [budget["spec"]["selector"]["matchLabels"] for budget in rendered.of("PodDisruptionBudget").values()]
    for pod in rendered.workloads():
        assert sum(matches(labels, pod.labels) for labels in selected) == 1
    assert all(budget["spec"]["maxUnavailable"] == 1 for budget in rendered.of("PodDisruptionBudget").values())


def test_only_gateway_and_dashboard_are_reached_from_outside(full: Rendered) -> None:
    [ingress] = full.of("Ingress").values()
    backends = {
        rule["host"]: path["backend"]["service"]["name"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]
    }
    assert backends == {"api.ehrenamt.stadt.example": "emon-gateway-api", "ehrenamt.stadt.example": "emon-dashboard-api"}
    assert ingress["spec"]["tls"] == [{"secretName": "ehrenamt-tls", "hosts": list(backends)}]
    assert all(service["spec"].get("type", "ClusterIP") == "ClusterIP" for service in full.of("Service").values())


def test_two_services_on_one_host_are_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        render("--set", "ingress.enabled=true,dashboardUrl=https://api.emon.example")
    assert "must differ in their host" in failed.value.stderr


# Who may talk to whom, by the policies as a cluster would read them.


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def policies_of(rendered: Rendered, pod: Pod) -> list[Json]:
    specs = [policy["spec"] for policy in rendered.of("NetworkPolicy").values()]
    return [spec for spec in specs if matches(spec["podSelector"]["matchLabels"], pod.labels)]


def rules_of(rendered: Rendered, pod: Pod, direction: str) -> Iterator[Any]:
    for spec in policies_of(rendered, pod):
        yield from spec.get(direction) or ()


def may(rendered: Rendered, pod: Pod, direction: str, peers: str, other: Pod, port: int) -> bool:
    return any(
        port in [allowed["port"] for allowed in rule["ports"]]
        and any(
            matches(peer["podSelector"]["matchLabels"], other.labels) for peer in rule.get(peers, ()) if "podSelector" in peer
        )
        for rule in rules_of(rendered, pod, direction)
    )


def test_pods_talk_to_each_other_where_the_platform_needs_it_and_nowhere_else(rendered: Rendered) -> None:
    pods = rendered.pods()
    talk = {
        (caller.service, caller.role, called.service, called.role, port)
        for caller in pods
        for called in pods
        for port in (HTTP, OPERATIONS)
        if may(rendered, caller, "egress", "to", called, port) and may(rendered, called, "ingress", "from", caller, port)
    }
    assert talk == {
        ("dashboard", "api", "gateway", "api", HTTP),
        *(("gateway", "api", service, "api", HTTP) for service in BEHIND_THE_GATEWAY),
    }


def test_every_pod_is_denied_what_no_policy_of_its_own_allows(rendered: Rendered) -> None:
    for pod in rendered.pods():
        found = policies_of(rendered, pod)
        assert len(found) == 2
        assert all(spec["policyTypes"] == ["Ingress", "Egress"] for spec in found)
        assert {"app.kubernetes.io/instance": RELEASE} in [spec["podSelector"]["matchLabels"] for spec in found]


def test_each_role_reaches_what_its_work_needs(full: Rendered) -> None:
    reached = {
        (pod.service, pod.role): {port["port"] for rule in rules_of(full, pod, "egress") for port in rule["ports"]}
        - {53, 4318, HTTP}
        for pod in full.workloads()
    }
    postgresql, kafka, mail = 5433, 9094, 587
    assert reached == {
        ("dashboard", "api"): set(),
        **{(service, "api"): {postgresql} for service in (*BEHIND_THE_GATEWAY, "gateway")},
        **{(service, "worker"): {postgresql, kafka} for service in (*BEHIND_THE_GATEWAY, "gateway")},
        ("notifications", "worker"): {postgresql, kafka, mail},
    }


def test_from_outside_come_requests_for_two_services_and_questions_for_metrics(rendered: Rendered) -> None:
    for pod in rendered.pods():
        from_namespaces = {
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: [port["port"] for port in rule["ports"]]
            for rule in rules_of(rendered, pod, "ingress")
            for peer in rule["from"]
            if "namespaceSelector" in peer
        }
        metrics: dict[str, list[int]] = {} if pod.role == "job" else {"monitoring": [OPERATIONS]}
        public = (pod.service, pod.role) in (("gateway", "api"), ("dashboard", "api"))
        assert from_namespaces == metrics | ({"ingress-nginx": [HTTP]} if public else {})


# Jobs, secrets, scaling.


def test_databases_and_topics_are_there_before_migrations_and_migrations_before_all_else(rendered: Rendered) -> None:
    hooks = {
        (document["kind"], document["metadata"]["name"]): int(document["metadata"]["annotations"]["helm.sh/hook-weight"])
        for document in rendered.documents
        if "helm.sh/hook" in document["metadata"].get("annotations", {})
    }
    assert hooks == {
        ("ServiceAccount", "emon-jobs"): -20,
        ("NetworkPolicy", "emon-jobs"): -20,
        ("Job", "emon-provision"): -10,
        **{("Job", f"emon-{service}-migrate"): 0 for service in (*BEHIND_THE_GATEWAY, "gateway")},
    }


def test_no_secret_stands_in_an_environment(rendered: Rendered) -> None:
    for pod in rendered.pods():
        for name, value in pod.environment.items():
            assert "PASSWORD" not in name or name.endswith("_FILE")
            assert "@" not in value or ":" not in value.partition("://")[2].partition("@")[0]


def test_each_pod_gets_its_own_secrets_alone(rendered: Rendered) -> None:
    for pod in rendered.workloads():
        for _, key in pod.secret_keys():
            of_role = key in (f"postgresql_{pod.service}_{pod.role}_password", f"kafka_{pod.service}_password")
            assert of_role or key.endswith(".jwk.json") or (key, pod.service) == ("smtp_url", "notifications")
    private = {key: (pod.service, pod.role) for pod in rendered.pods() for _, key in pod.secret_keys() if ".private." in key}
    assert private == {
        "actor-token.private.jwk.json": ("gateway", "api"),
        "signed-link.private.jwk.json": ("notifications", "worker"),
    }


def test_passwords_of_administrators_may_stand_in_a_secret_of_their_own(full: Rendered) -> None:
    administrators = {
        (pod.controller["metadata"]["name"], key)
        for pod in full.pods()
        for secret, key in pod.secret_keys()
        if secret == "emon-administrators"
    }
    assert administrators == {("emon-provision", "postgresql_superuser_password"), ("emon-provision", "kafka_admin_password")}


def test_workers_of_services_that_listen_grow_with_the_lag_of_their_group(full: Rendered) -> None:
    listening = {service for service, subscriptions in composition().subscriptions.items() if subscriptions}
    groups: dict[str, str] = {}
    for scaled in full.of("ScaledObject").values():
        [trigger] = scaled["spec"]["triggers"]
        groups[scaled["spec"]["scaleTargetRef"]["name"]] = trigger["metadata"]["consumerGroup"]
        assert scaled["spec"]["maxReplicaCount"] <= PARTITIONS
        assert trigger["authenticationRef"]["name"] in full.of("TriggerAuthentication")
    assert groups == {f"emon-{service}-worker": service for service in listening}


def test_an_update_does_not_undo_what_a_scaler_decided(full: Rendered) -> None:
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for each in full.of(kind).values()
    }
    assert len(scaled) == 5 + 4
    for pod in full.workloads():
        assert ("replicas" in pod.controller["spec"]) == (pod.controller["metadata"]["name"] not in scaled)


def test_images_come_from_the_registry_by_tag_or_digest(full: Rendered) -> None:
    for pod in full.pods():
        image = f"registry.stadt.example/emon/{pod.service}"
        assert pod.container["image"] == image + (
            "@sha256:" + "0123456789abcdef" * 4 if pod.service == "gateway" else ":2026.11.1"
        )


def test_labels_select_what_they_are_to_select(rendered: Rendered) -> None:
    for service in rendered.of("Service").values():
        selected = [pod for pod in rendered.pods() if matches(service["spec"]["selector"], pod.labels)]
        if service["metadata"]["labels"][ROLE] == "operations":
            assert selected == rendered.workloads()
        else:
            assert [(pod.service, pod.role) for pod in selected] == [(service["metadata"]["labels"][NAME], "api")]


def test_prometheus_finds_every_pod_under_the_names_of_the_alerts(full: Rendered) -> None:
    [monitor] = full.of("ServiceMonitor").values()
    found = [
        each
        for each in full.of("Service").values()
        if matches(monitor["spec"]["selector"]["matchLabels"], each["metadata"]["labels"])
    ]
    assert [service["metadata"]["name"] for service in found] == ["emon-operations"]
    [endpoint] = monitor["spec"]["endpoints"]
    assert {rule["targetLabel"]: rule.get("replacement") for rule in endpoint["relabelings"]} == {
        "job": "emon-$1",
        "instance": None,
    }
    [rules] = full.of("PrometheusRule").values()
    assert rules["spec"] == yaml.safe_load((ROOT / "deploy" / "monitoring" / "rules.yml").read_text())
    [board] = [each for each in full.of("ConfigMap").values() if "emon.json" in each["data"]]
    assert json.loads(board["data"]["emon.json"]) == json.loads(
        (ROOT / "deploy" / "monitoring" / "grafana-dashboard.json").read_text()
    )
