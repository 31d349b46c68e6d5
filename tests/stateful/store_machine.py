"""Two clients, one store, restarts at any time: what was acknowledged stays true (invariants 1 to 4, 8, 10)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import grpc
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as messages
from argosy.v1 import artifact_transfer_pb2
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy_server.bootstrap import Application, build
from argosy_server.embedded import EmbeddedChannel
from tests.stateful.places import FolderPlace
from tests.stateful.store_model import ModelVersion, StoreModel

PROJECT = "default"
names = st.sampled_from(["weights", "data/train"])
clients = st.integers(0, 1)
labels = st.sampled_from(["1", "2", "5", "9", "best"])
aliases = st.sampled_from(["prod", "canary"])
tags = st.sampled_from([(), ("raw",), ("clean", "raw")])
contents = st.sampled_from([b"", b"one", b"two", bytes(range(256)) * 200])
"""The last one is too large for a row, so it lives in a file or an object."""

Reply = messages.CreateArtifactVersionResponse | messages.SetAliasResponse | messages.UpdateArtifactVersionResponse


class StoreMachine(RuleBasedStateMachine):
    """Every rule does one call on one of two clients and compares with the model."""

    def __init__(self) -> None:
        super().__init__()
        self.place = self.new_place()
        self.model = StoreModel()
        self.channels: list[EmbeddedChannel] = []
        self.replayable: list[tuple[Callable[[ArtifactServiceStub], Reply], bytes]] = []
        self.used_ids: list[str] = []

    def new_place(self) -> FolderPlace:
        """Return where the store shall be."""
        return FolderPlace()

    @initialize()
    def open_two_clients(self) -> None:
        self.channels = [self.place.open(), self.place.open()]
        self.sweeper: Application = build(self.place.config)

    def teardown(self) -> None:
        self.sweeper.close()
        for channel in self.channels:
            channel.close()
        self.place.remove()

    def stub(self, client: int) -> ArtifactServiceStub:
        return ArtifactServiceStub(self.channels[client])

    def request_id(self) -> str:
        self.used_ids.append(str(uuid.uuid4()))
        return self.used_ids[-1]

    @rule(client=clients, name=names, content=contents, some_tags=tags)
    def save_under_the_next_number(self, client: int, name: str, content: bytes, some_tags: tuple[str, ...]) -> None:
        self.save(client, name, "", content, some_tags)

    @rule(client=clients, name=names, label=labels, content=contents, some_tags=tags)
    def save_under_a_label(
        self, client: int, name: str, label: str, content: bytes, some_tags: tuple[str, ...]
    ) -> None:
        self.save(client, name, label, content, some_tags)

    def save(self, client: int, name: str, label: str, content: bytes, some_tags: tuple[str, ...]) -> None:
        request = messages.CreateArtifactVersionRequest(
            project=PROJECT,
            request_id=self.request_id(),
            spec=nouns.ArtifactSpec(name=name, version=label, format="bytes", tags=some_tags),
            files=[nouns.NewArtifactFile(path="data.bin", inline_content=content)],
        )
        if label and self.model.artifact(name).by_label(label) is not None:
            with pytest.raises(grpc.RpcError) as refused:
                self.stub(client).CreateArtifactVersion(request)
            assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
            return
        expected = label or self.model.next_label(name)
        reply = self.stub(client).CreateArtifactVersion(request)
        version = reply.artifact_version
        assert version.version == expected
        saved = self.model.save(version.id, name, expected, content, some_tags)
        assert version.ordinal == saved.ordinal
        self.replayable.append((lambda stub: stub.CreateArtifactVersion(request), reply.SerializeToString()))

    @precondition(lambda self: self.replayable)
    @rule(client=clients, data=st.data())
    def retry_an_acknowledged_mutation(self, client: int, data: st.DataObject) -> None:
        send, first_reply = data.draw(st.sampled_from(self.replayable))
        assert send(self.stub(client)).SerializeToString() == first_reply

    @precondition(lambda self: self.used_ids)
    @rule(client=clients, data=st.data())
    def use_a_request_id_for_another_request(self, client: int, data: st.DataObject) -> None:
        used = data.draw(st.sampled_from(self.used_ids))
        request = messages.DeleteAliasRequest(project=PROJECT, request_id=used, name="never", alias="saved")
        with pytest.raises(grpc.RpcError) as refused:
            self.stub(client).DeleteAlias(request)
        # The id of a mutation that was refused is free again; then it is the alias that is not found.
        assert refused.value.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}

    @precondition(lambda self: self.model.all_versions())
    @rule(client=clients, alias=aliases, data=st.data())
    def set_alias(self, client: int, alias: str, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.model.all_versions()))
        request = messages.SetAliasRequest(
            project=PROJECT,
            request_id=self.request_id(),
            alias=alias,
            selector=nouns.VersionSelector(id=target.id),
        )
        if target.deleted:
            self.expect_not_found(lambda: self.stub(client).SetAlias(request))
            return
        reply = self.stub(client).SetAlias(request)
        self.model.artifact(target.name).aliases[alias] = target
        self.replayable.append((lambda stub: stub.SetAlias(request), reply.SerializeToString()))

    @rule(client=clients, name=names, alias=aliases)
    def delete_alias(self, client: int, name: str, alias: str) -> None:
        request = messages.DeleteAliasRequest(project=PROJECT, request_id=self.request_id(), name=name, alias=alias)
        if self.model.artifact(name).aliases.pop(alias, None) is None:
            self.expect_not_found(lambda: self.stub(client).DeleteAlias(request))
        else:
            self.stub(client).DeleteAlias(request)

    @precondition(lambda self: self.model.all_versions())
    @rule(client=clients, some_tags=tags, data=st.data())
    def change_tags(self, client: int, some_tags: tuple[str, ...], data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.model.all_versions()))
        request = messages.UpdateArtifactVersionRequest(
            project=PROJECT, request_id=self.request_id(), id=target.id, tags=some_tags
        )
        request.update_mask.paths.append("tags")
        if target.deleted:
            self.expect_not_found(lambda: self.stub(client).UpdateArtifactVersion(request))
            return
        reply = self.stub(client).UpdateArtifactVersion(request)
        target.tags = some_tags
        self.replayable.append((lambda stub: stub.UpdateArtifactVersion(request), reply.SerializeToString()))

    @precondition(lambda self: self.model.all_versions())
    @rule(client=clients, force=st.booleans(), data=st.data())
    def delete(self, client: int, force: bool, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.model.all_versions()))
        request = messages.DeleteArtifactVersionRequest(
            project=PROJECT, request_id=self.request_id(), id=target.id, force=force
        )
        if target.deleted:
            self.expect_not_found(lambda: self.stub(client).DeleteArtifactVersion(request))
            return
        if not force and target in self.model.artifact(target.name).aliases.values():
            self.expect_refusal(
                grpc.StatusCode.FAILED_PRECONDITION, lambda: self.stub(client).DeleteArtifactVersion(request)
            )
            return
        self.stub(client).DeleteArtifactVersion(request)
        self.model.delete(target)

    @precondition(lambda self: self.model.all_versions())
    @rule(client=clients, data=st.data())
    def load_by_id(self, client: int, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.model.all_versions()))
        self.expect_load(client, nouns.VersionSelector(id=target.id), None if target.deleted else target)

    @precondition(lambda self: self.model.all_versions())
    @rule(client=clients, data=st.data())
    def load_by_label(self, client: int, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.model.all_versions()))
        selector = nouns.VersionSelector(name=target.name, version=target.label)
        self.expect_load(client, selector, None if target.deleted else target)

    @rule(client=clients, name=names)
    def load_latest(self, client: int, name: str) -> None:
        self.expect_load(client, nouns.VersionSelector(name=name), self.model.artifact(name).latest)

    @invariant()
    def the_latest_is_the_one_saved_last(self) -> None:
        for name, artifact in self.model.artifacts.items():
            if artifact.latest is not None:
                selector = nouns.VersionSelector(name=name)
                request = messages.GetArtifactVersionRequest(project=PROJECT, selector=selector)
                assert self.stub(1).GetArtifactVersion(request).artifact_version.id == artifact.latest.id

    @rule(client=clients, name=names, alias=aliases)
    def load_by_alias(self, client: int, name: str, alias: str) -> None:
        target = self.model.artifact(name).aliases.get(alias)
        self.expect_load(client, nouns.VersionSelector(name=name, alias=alias), target)

    @precondition(lambda self: self.model.all_versions())
    @rule(client=clients, data=st.data())
    def look_from_another_project(self, client: int, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(self.model.all_versions()))
        request = messages.GetArtifactVersionRequest(project="other", selector=nouns.VersionSelector(id=target.id))
        self.expect_not_found(lambda: self.stub(client).GetArtifactVersion(request))

    @rule()
    def sweep(self) -> None:
        self.sweeper.sweep()

    @rule(client=clients)
    def restart(self, client: int) -> None:
        self.channels[client].close()
        self.channels[client] = self.place.open()

    @invariant()
    def lists_tell_what_is_live(self) -> None:
        if not self.channels:
            return
        request = messages.ListArtifactVersionsRequest(
            project=PROJECT, order=messages.VERSION_ORDER_OLDEST_FIRST, page_size=1000
        )
        listed = self.stub(0).ListArtifactVersions(request).artifact_versions
        seen = sorted((version.name, version.ordinal, version.id, tuple(version.tags)) for version in listed)
        live = [version for version in self.model.all_versions() if not version.deleted]
        assert seen == sorted((version.name, version.ordinal, version.id, version.tags) for version in live)
        pointed = {(version.name, alias, version.id) for version in listed for alias in version.aliases}
        assert pointed == {
            (name, alias, target.id)
            for name, artifact in self.model.artifacts.items()
            for alias, target in artifact.aliases.items()
        }

    def expect_load(self, client: int, selector: nouns.VersionSelector, expected: ModelVersion | None) -> None:
        request = artifact_transfer_pb2.DownloadArtifactRequest(project=PROJECT, selector=selector)
        if expected is None:
            self.expect_not_found(lambda: list(self.stub(client).DownloadArtifact(request)))
            return
        parts = list(self.stub(client).DownloadArtifact(request))
        assert parts[0].version.id == expected.id
        assert b"".join(part.chunk for part in parts if part.HasField("chunk")) == expected.content

    def expect_not_found(self, call: Callable[[], object]) -> None:
        self.expect_refusal(grpc.StatusCode.NOT_FOUND, call)

    def expect_refusal(self, code: grpc.StatusCode, call: Callable[[], object]) -> None:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is code
