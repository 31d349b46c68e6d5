"""Short ways to say what is in a metadata store, for the contract suites."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from argosy_server.domain.artifact import (
    ArtifactFile,
    ArtifactSpec,
    ArtifactVersion,
    NewVersion,
    Producer,
    VersionSelector,
)
from argosy_server.domain.blob import Blob, BlobHasher
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.paging import PageRequest
from argosy_server.domain.pipeline import InputSpec, Run, RunState, StepRun, StepState
from argosy_server.usecases.ports import MetadataStore, Transaction

HOUR = timedelta(hours=1)
NONE = timedelta()
PAST = timedelta(seconds=-1)
SPEC = ArtifactSpec(name="weights", format="json")
FIRST_PAGE = PageRequest()


def blob_of(content: bytes, project: str = "p", location: str = "") -> Blob:
    hasher = BlobHasher()
    hasher.update(content)
    return Blob(project, hasher.digest(), hasher.size, location, hasher.pieces())


def put_blob(tx: Transaction, content: bytes, project: str = "p", lease: timedelta = HOUR) -> ArtifactFile:
    blob = tx.blobs.insert(blob_of(content, project), content, lease)
    return ArtifactFile("value", blob.digest, blob.size)


def add(
    tx: Transaction,
    project: str,
    spec: ArtifactSpec,
    files: Sequence[ArtifactFile],
    producer: Producer | None,
    *,
    inserted: Collection[Digest] = (),
) -> ArtifactVersion:
    [version] = tx.artifacts.add_many(project, [NewVersion(spec, files, producer)], inserted=inserted)
    return version


def save(
    store: MetadataStore, spec: ArtifactSpec = SPEC, files: Sequence[ArtifactFile] = (), project: str = "p"
) -> ArtifactVersion:
    with store.write() as tx:
        return add(tx, project, spec, files, None)


def save_named(store: MetadataStore, name: str, version: str = "", project: str = "p") -> ArtifactVersion:
    return save(store, replace(SPEC, name=name, version=version), project=project)


def get(store: MetadataStore, name: str = "weights", project: str = "p", **how: str) -> ArtifactVersion:
    selector = VersionSelector(id=how["id"]) if "id" in how else VersionSelector(name=name, **how)
    with store.read() as tx:
        return tx.artifacts.get(project, selector)


def digest(number: int) -> Digest:
    return Digest.of_raw(number.to_bytes(32, "big"))


def new_run(
    tx: Transaction, name: str = "", pipeline: str = "training", project: str = "p", lease: timedelta = HOUR
) -> Run:
    return tx.runs.add(project, pipeline, name or new_id(), {}, lease)


def start(
    tx: Transaction, run: Run, invocation: str = "fit", inputs: Sequence[InputSpec] = (), **facts: object
) -> StepRun:
    step = StepRun(id=new_id(), run_id=run.id, invocation=invocation, step_name="fit", state=StepState.RUNNING)
    step = replace(step, **facts)  # type: ignore[arg-type]  # the fields are those of StepRun
    return tx.runs.add_step(run, step, inputs)


def returned(tx: Transaction, run: Run, step: StepRun, name: str = "model") -> ArtifactVersion:
    producer = Producer(run.id, step.id, run.pipeline_name, step.invocation, "output")
    version = add(tx, run.project, replace(SPEC, name=name), [], producer)
    tx.runs.add_outputs(run.project, step, [("output", version.id)])
    tx.runs.end_step(run.project, step, StepState.COMPLETED, None, {})
    return version


def completed_run(store: MetadataStore, pipeline: str = "training", artifact: str = "model") -> ArtifactVersion:
    """Run a pipeline of one step to its end, and return what the step returned."""
    with store.write() as tx:
        run = new_run(tx, pipeline=pipeline)
        version = returned(tx, run, start(tx, run), artifact)
        tx.runs.finish(run, RunState.COMPLETED, None)
        return version


def replayed_run(store: MetadataStore, version: ArtifactVersion, pipeline: str = "training") -> None:
    """Run a pipeline whose one step takes its output from cache."""
    with store.write() as tx:
        run = new_run(tx, pipeline=pipeline)
        step = start(tx, run, state=StepState.CACHED)
        tx.runs.add_outputs("p", step, [("output", version.id)])
        tx.runs.finish(run, RunState.COMPLETED, None)
