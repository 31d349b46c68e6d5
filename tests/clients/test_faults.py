"""Each client on a bad day: killed servers, damaged bytes, things that are not there, and breaks of every kind."""

from __future__ import annotations

import json
import random
import signal
import warnings
from pathlib import Path

import pytest

from argosy import Client
from argosy.transport.connection import disconnect_all
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse
from tests.api.calls import digest_of
from tests.clients.conformance import StreamedFile
from tests.clients.conftest import Programs
from tests.clients.languages import LANGUAGES, REFUSED, SETTINGS, ended
from tests.clients.memory import watched
from tests.faults.speaking_proxy import Break, SpeakingProxy
from tests.faults.stand import MEBIBYTE, Stand, assert_clean, kept_bytes
from tests.waiting import wait_until

SIZE = 48 * MEBIBYTE + 7
MARKER = b"a marker in what is sent"
ON_THE_WAY = 12 * MEBIBYTE
"""What buffers of sockets, of gRPC and of the proxy hold at most."""
LOADS_TO_A_PLACE_OF_THE_CALLER = {"go"}
"""Whose program loads a file to the path it was given and makes none of the stored name."""
every_language = pytest.mark.parametrize("language", LANGUAGES)


def write_content(path: Path, size: int = SIZE) -> bytes:
    """Write bytes that nothing compresses, with a marker in each 4 KiB of them."""
    noise = random.Random(size).randbytes(4096 - len(MARKER)) + MARKER
    content = (b"%08d" % size + noise) * (size // 4096 + 1)
    path.write_bytes(content[:size])
    return content[:size]


def save_content(stand: Stand, path: Path, name: str = "large") -> None:
    """Save a file past the proxy."""
    Client(stand.direct_address).save_artifact(StreamedFile(path), name)


def versions(stand: Stand, name: str) -> list[str]:
    """Return the versions of an artifact, as the server has them."""
    return [version.version for version in Client(stand.direct_address).list_artifact_versions(name)]


def files_beside(stand: Stand, folder: Path) -> list[Path]:
    """Return all there is in a folder but what belongs to the server."""
    return sorted(path for path in folder.rglob("*") if stand.data.name not in path.relative_to(folder).parts[0])


def stored(stand: Stand, name: str) -> bytes:
    """Return the content of an artifact of one file, as the server has it."""
    with Client(stand.direct_address).get_artifact_version(name).open() as file:
        return file.read()


@every_language
def test_an_upload_goes_on_where_a_killed_server_kept_it(
    language: str, programs: Programs, stand: Stand, tmp_path: Path
) -> None:
    content = write_content(tmp_path / "large")
    stand.proxy.up.hold_at(SIZE // 2)
    with programs(language).running(stand.proxy.address, "upload", "large", tmp_path / "large") as process:
        stand.proxy.up.wait_for(SIZE // 2)
        wait_until(lambda: kept_bytes(stand.data), "some of it is kept")
        stand.kill()
        kept, sent = kept_bytes(stand.data), stand.proxy.up.passed
        stand.proxy.go_on()  # held, it would tell nobody of the death: only pings would, after 20 s
        stand.start()
        done = ended(process)
    assert done.code == 0, done
    assert (done.lines[-1]["size"], done.lines[-1]["digest"]) == (SIZE, digest_of(content))
    assert stored(stand, "large") == content
    assert versions(stand, "large") == ["1"]
    assert stand.proxy.up.passed - sent <= SIZE - kept + MEBIBYTE


@every_language
def test_a_download_goes_on_where_a_killed_server_left_it(
    language: str, programs: Programs, stand: Stand, tmp_path: Path
) -> None:
    content = write_content(tmp_path / "large")
    save_content(stand, tmp_path / "large")
    with programs(language).running(stand.proxy.address, "download", "large", tmp_path / "again") as process:
        stand.proxy.down.wait_for(SIZE // 2)
        stand.kill()
        stand.start()
        done = ended(process)
    assert done.code == 0, done
    assert (tmp_path / "again").read_bytes() == content
    assert stand.proxy.down.passed <= SIZE + ON_THE_WAY


@every_language
def test_a_bit_that_changes_on_its_way_up_is_never_stored(
    language: str, programs: Programs, stand: Stand, tmp_path: Path
) -> None:
    content = write_content(tmp_path / "large", 3 * MEBIBYTE)
    stand.proxy.up.flip_in(MARKER)
    done = programs(language).run(stand.proxy.address, "upload", "large", tmp_path / "large")
    assert stand.proxy.up.has_flipped
    if done.code == REFUSED:
        assert versions(stand, "large") == []
    else:  # it sent the bytes again
        assert done.code == 0, done
        assert stored(stand, "large") == content


@every_language
def test_a_bit_that_changes_on_its_way_down_never_becomes_a_value(
    language: str, programs: Programs, stand: Stand, tmp_path: Path
) -> None:
    large, again = tmp_path / "large", tmp_path / "again"
    for command, size in (("load", 50_000), ("load", 3 * MEBIBYTE), ("download", 3 * MEBIBYTE)):
        content = write_content(large, size)
        save_content(stand, large)
        before = files_beside(stand, tmp_path)
        stand.proxy.down.flip_in(MARKER)
        done = programs(language).run(stand.proxy.address, command, "large", again)
        assert stand.proxy.down.has_flipped
        if done.code == REFUSED:
            assert files_beside(stand, tmp_path) == before
        else:  # it asked for the bytes again
            assert done.code == 0, done
            assert again.read_bytes() == content
            again.unlink()


@every_language
def test_what_is_not_there_is_told_by_its_reason(
    language: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    program = programs(language)
    Client(server).save_artifact({"a": 1}, "known")
    for words in (["nobody-saved-this"], ["known", "--alias", "nobody"], ["known", "--version", "99"]):
        name, *selector = words
        refused = program.run(server, "load", name, tmp_path / "out", *selector)
        assert refused.error == "ARTIFACT_NOT_FOUND"
        assert not (tmp_path / "out").exists()
    (tmp_path / "in").write_text("1")
    program.result(server, "save", f"once by {language}", "json", tmp_path / "in", "--version", "one")
    twice = program.run(server, "save", f"once by {language}", "json", tmp_path / "in", "--version", "one")
    assert twice.error == "VERSION_EXISTS"
    assert program.run(server, "save", "a//b", "json", tmp_path / "in").code == REFUSED


@every_language
def test_a_cancelled_upload_leaves_nothing(language: str, programs: Programs, stand: Stand, tmp_path: Path) -> None:
    write_content(tmp_path / "large")
    stand.proxy.up.hold_at(SIZE // 2)
    with programs(language).running(stand.proxy.address, "upload", "large", tmp_path / "large") as process:
        stand.proxy.up.wait_for(SIZE // 2)
        process.send_signal(signal.SIGINT)  # before it goes on, so that no fast client is done by then
        stand.proxy.go_on()
        assert ended(process).code != 0
    assert versions(stand, "large") == []
    assert stand.rows("SELECT DISTINCT state FROM uploads") == [("aborted",)]
    disconnect_all()
    assert_clean(stand.data)


@every_language
def test_a_cancelled_download_leaves_no_file(
    language: str, programs: Programs, stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, temporary = tmp_path / "folder", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    write_content(folder / "large")
    save_content(stand, folder / "large")
    Client(stand.direct_address).save_artifact(folder, "folder")
    before = files_beside(stand, tmp_path)
    monkeypatch.setitem(SETTINGS, "TMPDIR", str(temporary))
    monkeypatch.setitem(SETTINGS, "JAVA_TOOL_OPTIONS", f"-Djava.io.tmpdir={temporary}")
    for command, name in (("download", "large"), ("load", "folder")):
        half = stand.proxy.down.passed + SIZE // 2
        stand.proxy.down.hold_at(half)
        with programs(language).running(stand.proxy.address, command, name, tmp_path / "again") as process:
            stand.proxy.down.wait_for(half)
            assert files_beside(stand, tmp_path) != before
            process.send_signal(signal.SIGINT)
            assert ended(process).code != 0
        assert files_beside(stand, tmp_path) == before


@every_language
def test_a_server_of_another_revision_is_told_before_any_other_call(
    language: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    with SpeakingProxy(server) as proxy:
        place = proxy.address.removeprefix("grpc://")
        for oldest, newest in ((2, 3), (0, 0)):
            told = GetCapabilitiesResponse(
                oldest_protocol_revision=oldest, protocol_revision=newest, server_version="9.8.7"
            )
            proxy.breaks["GetCapabilities"] = [Break(0, None, told.SerializeToString())]
            refused = programs(language).run(proxy.address, "load", "anything", tmp_path / "out")
            assert refused.code == REFUSED, refused
            message = refused.lines[-1]["message"]
            assert [word for word in ("revision", place, "9.8.7", str(newest)) if word not in message] == []
            cure = message.rpartition(";")[2]
            assert ("client" if oldest else "server") in cure
    assert set(proxy.calls) - {"Check", "Watch"} == {"GetCapabilities"}


@every_language
def test_a_format_that_only_python_reads_is_named(
    language: str, programs: Programs, server: str, tmp_path: Path
) -> None:
    if language == "python":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is a pickle
        Client(server).save_artifact(random.Random(1), "generator", allow_pickle=True)
    refused = programs(language).run(server, "load", "generator", tmp_path / "out")
    assert refused.code == REFUSED, refused
    assert "cloudpickle" in refused.lines[-1]["message"]
    assert not (tmp_path / "out").exists()


@every_language
def test_a_path_that_leads_out_of_the_folder_is_refused_before_anything_is_written(
    language: str, programs: Programs, stand: Stand, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "a/b/target"
    source.mkdir()
    (source / "good.txt").write_text("good")
    (source / "bad.txt").write_text("bad")
    target.parent.mkdir(parents=True)
    Client(stand.direct_address).save_artifact(source, "folder")
    Client(stand.direct_address).save_artifact(source / "bad.txt", "file")
    evil = {"folder": ["content/../../evil", "content//evil", "content/a\\..\\evil"], "file": ["../evil", "/evil"]}
    for name, paths in evil.items():
        path = {"folder": "content/bad.txt", "file": "bad.txt"}[name]
        for bad in paths:
            stand.rows(f"UPDATE version_files SET path = '{bad}' WHERE path = '{path}'")
            path = bad
            done = programs(language).run(stand.proxy.address, "load", name, target)
            assert list(tmp_path.rglob("*evil*")) == []
            if name == "file" and language in LOADS_TO_A_PLACE_OF_THE_CALLER:
                assert target.read_text() == "bad"
                target.unlink()
            else:
                assert done.code == REFUSED, (bad, done)
                assert not target.exists() or list(target.iterdir()) == []
            if name == "file":  # as a stream it needs no name
                programs(language).result(stand.proxy.address, "download", name, target)
                assert target.read_text() == "bad"
                target.unlink()


@every_language
def test_a_watch_goes_on_after_breaks_with_nothing_missed_or_repeated(
    language: str, programs: Programs, stand: Stand
) -> None:
    client = Client(stand.direct_address)
    with client.watch_artifacts("watched") as events:
        client.save_artifact(0, "watched")
        cursor = next(events).cursor
    client.save_artifact(1, "watched")
    with programs(language).running(stand.proxy.address, "watch", "watched", "6", "--cursor", cursor) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        for number in range(2, 7):
            heard = stand.proxy.down.passed
            client.save_artifact(number, "watched")
            if number in (2, 4):
                stand.proxy.down.wait_for(heard + 1)
                stand.proxy.cut()
        done = ended(process)
    assert done.code == 0, done
    assert [(line["kind"], line["version"]) for line in [first, *done.lines]] == [
        ("version_created", str(number + 1)) for number in range(1, 7)
    ]


@every_language
def test_what_the_project_has_is_not_sent_again(
    language: str, programs: Programs, stand: Stand, tmp_path: Path
) -> None:
    size = 6 * MEBIBYTE
    content = write_content(tmp_path / "large", size)
    save_content(stand, tmp_path / "large", "earlier")
    programs(language).result(stand.proxy.address, "upload", "later", tmp_path / "large")
    assert stand.proxy.up.passed < MEBIBYTE
    assert stored(stand, "later") == content


@every_language
def test_memory_does_not_grow_with_the_file(language: str, programs: Programs, server: str, tmp_path: Path) -> None:
    peaks: dict[str, list[int]] = {"upload": [], "download": []}
    for size in (MEBIBYTE, 160 * MEBIBYTE):
        digest = digest_of(write_content(tmp_path / "upload", size))
        for command, found in peaks.items():
            words = (command, f"{size} of {language}", tmp_path / command)
            with programs(language).running(server, *words) as process, watched(process) as peak:
                done = ended(process)
            assert (done.code, done.lines[-1]["digest"]) == (0, digest), done
            found.append(peak.size_bytes)
    growth = {command: found[1] - found[0] for command, found in peaks.items()}
    assert max(growth.values()) <= 64 * MEBIBYTE, growth


@every_language
def test_aliases_move_and_lists_show_all(language: str, programs: Programs, server: str, tmp_path: Path) -> None:
    program, name = programs(language), f"listed by {language}"
    (tmp_path / "in").write_text("1")
    for _ in range(3):
        program.result(server, "save", name, "json", tmp_path / "in")
    program.result(server, "alias", name, "2", "prod")
    assert Client(server).get_artifact_version(name, alias="prod").version == "2"
    assert sorted(program.result(server, "list", "--name", name)["versions"]) == ["1", "2", "3"]
    assert name in program.result(server, "list")["names"]
