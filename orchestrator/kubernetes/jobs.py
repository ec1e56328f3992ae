"""Aggregators as Jobs of the cluster, one for each campaign that runs.

What a Job is like, its image, its resources and where it may run, an installation writes into a
file; this program adds what differs from campaign to campaign: a name, labels, and the Secret with
the token and the way here. A Job belongs to the orchestrator's own workload by an owner reference,
and its Secret to the Job: whatever takes the owner away takes them along, and this program needs no
right to read or delete a Secret of anybody's.

A Job outlives the replica that made it, and the next leader finds it by its labels. Its name is
made up anew each time, as one that is being deleted keeps its name for a while. One whose Pod does
not come up for long counts as ended, so that an image that is missing is seen; a cluster older than
1.24 does not tell of a Job whether its Pod is ready, and a Pod that is there has to do.
"""

import base64
import hashlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from kubernetes.client import AppsV1Api, BatchV1Api, CoreV1Api, V1JobStatus

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access, RefusedError
from orchestrator.ports import Clock, Entropy
from orchestrator.worker_ports import Way, WorkerState

NOT_FOUND = 404
CAMPAIGN_LABEL, INSTALLATION_LABEL = "fieldwise.dev/campaign", "fieldwise.dev/installation"
FOLDER = "/etc/fieldwise-aggregator"  # where the container finds its Secret
VOLUME = "fieldwise-aggregator"
NAME_BYTES = 4
NAME_CHARACTERS_MAX = 40  # of the installation's in a Job's, which a Pod's name makes longer
COMING_UP_SECONDS = 900.0  # a large image over a slow line
FORM_BYTES_MAX = 65_536
OWNER = r"^(Deployment|StatefulSet)/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z"
KINDS = {"Deployment": "read_namespaced_deployment", "StatefulSet": "read_namespaced_stateful_set"}


class JobFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an installation writes of its Jobs."""

    owner: Annotated[str, msgspec.Meta(pattern=OWNER)]
    spec: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobForm:
    """What Jobs of an installation are like.

    Attributes:
        installation: Its name, in names and labels.
        owner: Kind and name of the workload that they belong to.
        template: ``spec`` of a Job, as the cluster takes it; its first container aggregates.
    """

    installation: str
    owner: tuple[str, str]
    template: Mapping[str, Any]


class WorkerJobs:
    """``Workers``.

    Args:
        access: The way to the cluster.
        namespace: Where the Jobs are.
        form: What they are like.
        way: How they reach this orchestrator.
        clock: What time it is.
        entropy: What names are made of.
    """

    def __init__(
        self,
        access: Access,
        namespace: str,
        form: JobForm,
        way: Way,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._access = access
        self._jobs = BatchV1Api(access.client)
        self._secrets = CoreV1Api(access.client)
        self._workloads = AppsV1Api(access.client)
        self._namespace = namespace
        self._form = form
        self._way = way
        self._clock = clock
        self._entropy = entropy

    async def look(self) -> Mapping[str, WorkerState]:
        now = self._clock.now()
        states: dict[str, WorkerState] = {}
        for job in await self._found():
            campaign = job.metadata.labels.get(CAMPAIGN_LABEL, "")
            state = WorkerState.RUNS if _runs(job, now) else WorkerState.ENDED
            # Of several, which only a leader that was none any more can have made, none is right.
            states[campaign] = WorkerState.ENDED if campaign in states else state
        return states

    async def start(self, campaign: str, token: str) -> None:
        name = f"{self._form.installation}-{campaign}"
        name = f"{name}-{self._entropy.token(NAME_BYTES).hex()}"
        job = await self._do(
            "create Jobs",
            self._jobs.create_namespaced_job,
            self._namespace,
            self._job(name, campaign, await self._owner()),
        )
        owner = _reference("batch/v1", "Job", job.metadata)
        secret = self._secret(name, campaign, token, owner)
        try:
            await self._do(
                "create Secrets", self._secrets.create_namespaced_secret, self._namespace, secret
            )
        except FieldwiseError:
            await self._delete(name)
            raise

    async def stop(self, campaign: str) -> None:
        for job in await self._found(campaign):
            await self._delete(job.metadata.name)

    async def let_go(self) -> None:
        """Leave them: they outlive this replica, and the next leader finds them."""

    async def _found(self, campaign: str = "") -> list[Any]:
        selector = f"{INSTALLATION_LABEL}={self._form.installation}"
        if campaign:
            selector += f",{CAMPAIGN_LABEL}={campaign}"
        listed = await self._do(
            "list Jobs",
            lambda namespace, **timed: self._jobs.list_namespaced_job(
                namespace, label_selector=selector, **timed
            ),
            self._namespace,
        )
        return [each for each in listed.items if each.metadata.deletion_timestamp is None]

    async def _delete(self, name: str) -> None:
        try:
            await self._access.ask(
                lambda job, namespace, **timed: self._jobs.delete_namespaced_job(
                    job, namespace, propagation_policy="Background", **timed
                ),
                name,
                self._namespace,
            )
        except RefusedError as error:
            if error.status != NOT_FOUND:
                raise _refused("delete Jobs", error) from error

    async def _owner(self) -> dict[str, Any]:
        kind, name = self._form.owner
        read = getattr(self._workloads, KINDS[kind])
        found = await self._do(f"get the {kind} {name}", read, name, self._namespace)
        return _reference("apps/v1", kind, found.metadata)

    async def _do(self, what: str, call: Any, *given: object) -> Any:
        try:
            return await self._access.ask(call, *given)
        except RefusedError as error:
            raise _refused(what, error) from error

    def _metadata(self, name: str, campaign: str, owner: dict[str, Any]) -> dict[str, Any]:
        labels = {CAMPAIGN_LABEL: campaign, INSTALLATION_LABEL: self._form.installation}
        return {"name": name, "labels": labels, "ownerReferences": [owner]}

    def _job(self, name: str, campaign: str, owner: dict[str, Any]) -> dict[str, Any]:
        spec = deepcopy(dict(self._form.template))
        pod = spec["template"]
        labels = pod.setdefault("metadata", {}).setdefault("labels", {})
        labels |= {CAMPAIGN_LABEL: campaign, INSTALLATION_LABEL: self._form.installation}
        volume = {"name": VOLUME, "secret": {"secretName": name, "defaultMode": 0o440}}
        pod["spec"].setdefault("volumes", []).append(volume)
        container = pod["spec"]["containers"][0]
        mount = {"name": VOLUME, "mountPath": FOLDER, "readOnly": True}
        container.setdefault("volumeMounts", []).append(mount)
        container.setdefault("env", []).extend(
            {"name": f"FIELDWISE_AGGREGATOR_{each}", "value": value}
            for each, value in (
                ("ADDRESS", self._way.address),
                ("CA", f"{FOLDER}/authority.pem"),
                ("TOKEN_FILE", f"{FOLDER}/token"),
            )
        )
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self._metadata(name, campaign, owner),
            "spec": spec,
        }

    def _secret(
        self, name: str, campaign: str, token: str, owner: dict[str, Any]
    ) -> dict[str, Any]:
        content = {"token": token.encode(), "authority.pem": self._way.authority}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self._metadata(name, campaign, owner),
            "type": "Opaque",
            "immutable": True,
            "data": {each: base64.b64encode(bare).decode() for each, bare in content.items()},
        }


def read_form(path: Path, installation: str) -> JobForm:
    """Read what the Jobs of an installation are like.

    Args:
        path: JSON with ``owner``, as "Deployment/NAME", and ``spec``, that of a Job.
        installation: Its name.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for a file that is none.
    """
    try:
        with path.open("rb") as file:
            written = msgspec.json.decode(file.read(FORM_BYTES_MAX), type=JobFile)
        containers = written.spec["template"]["spec"]["containers"]
        imageless = not isinstance(containers[0]["image"], str)
    except OSError as error:
        raise _formless(path, str(error.strerror)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _formless(path, str(error)) from error
    except (KeyError, IndexError, TypeError) as error:
        raise _formless(path, "its spec has no container with an image") from error
    if imageless:
        raise _formless(path, "its spec has no container with an image")
    kind, _, name = written.owner.partition("/")
    return JobForm(_short(installation), (kind, name), written.spec)


def _short(installation: str) -> str:
    """Return a name that fits into labels and names of Pods, and is as much one's own."""
    if len(installation) <= NAME_CHARACTERS_MAX and "." not in installation:
        return installation
    digest = hashlib.sha256(installation.encode()).hexdigest()[: 2 * NAME_BYTES]
    cut = installation[: NAME_CHARACTERS_MAX - len(digest) - 1]
    return f"{cut.replace('.', '-')}-{digest}"


def _runs(job: Any, now: float) -> bool:
    status = job.status or V1JobStatus()
    ends = {each.type for each in status.conditions or () if each.status == "True"}
    if ends & {"Complete", "Failed"}:
        return False
    made = job.metadata.creation_timestamp or datetime.fromtimestamp(now, UTC)
    up = status.active if status.ready is None else status.ready
    return bool(up) or now - made.timestamp() < COMING_UP_SECONDS


def _reference(version: str, kind: str, metadata: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "name": metadata.name, "uid": metadata.uid}


def _refused(what: str, error: RefusedError) -> FieldwiseError:
    return FieldwiseError(
        Fault.UNAVAILABLE, f"the cluster did not let this account {what}: {error}"
    )


def _formless(path: Path, why: str) -> FieldwiseError:
    return FieldwiseError(Fault.SETTING_INVALID, f"federation_job = {path} cannot be used: {why}")
