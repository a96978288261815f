"""The Helm chart as it stands in the project, and as Helm renders it."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "emon"
FULL = CHART / "ci" / "full.yaml"
RELEASE = "emon"
KUBERNETES = "1.30.0"  # the oldest that the chart is for
HELM = shutil.which("helm")
NAME, ROLE = "app.kubernetes.io/name", "app.kubernetes.io/component"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """What a Deployment, a StatefulSet or a Job runs. `spec` is the pod's, `controller` the whole resource."""

    controller: Json
    labels: Mapping[str, str]
    spec: Json
    container: Json = field(repr=False)

    @property
    def service(self) -> str:
        return self.labels[NAME]

    @property
    def role(self) -> str:
        return self.labels[ROLE]

    @property
    def environment(self) -> Mapping[str, str]:
        """Its variables, but for those that only the cluster can tell."""
        return {each["name"]: each["value"] for each in self.container["env"] if "value" in each}

    def secret_keys(self) -> Iterator[tuple[str, str]]:
        """Name and key of each secret that becomes a file."""
        for volume in self.spec["volumes"]:
            for source in volume.get("projected", {}).get("sources", ()):
                if "secret" in source:
                    yield from ((source["secret"]["name"], item["key"]) for item in source["secret"]["items"])


class Rendered:
    """All that a release of the chart makes."""

    def __init__(self, documents: list[Json]) -> None:
        self.documents = documents

    def of(self, kind: str) -> dict[str, Json]:
        """The resources of a kind, by name."""
        return {document["metadata"]["name"]: document for document in self.documents if document["kind"] == kind}

    def pods(self) -> list[Pod]:
        """One for each controller, jobs among them."""
        controllers = [document for document in self.documents if document["kind"] in ("Deployment", "StatefulSet", "Job")]
        return [_pod(controller) for controller in controllers]

    def workloads(self) -> list[Pod]:
        """Those that run for good."""
        return [pod for pod in self.pods() if pod.role != "job"]


def _pod(controller: Json) -> Pod:
    template: Json = controller["spec"]["template"]
    [container] = template["spec"]["containers"]
    return Pod(controller, template["metadata"]["labels"], template["spec"], container)


def render(*arguments: str) -> Rendered:
    """What Helm makes of the chart. Raises CalledProcessError, with what Helm says in `stderr`."""
    assert HELM is not None
    command = [HELM, "template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *arguments]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return Rendered([document for document in yaml.safe_load_all(text) if document])
