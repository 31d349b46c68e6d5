"""What an operator sees of the process: the ready line, health, the log, and how it stops."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from argosy_server import __version__
from argosy_server.bootstrap import SERVICES
from argosy_server.domain.identifiers import new_id
from tests.adapters.test_metadata_migrations import fill_0002
from tests.api.calls import create, create_request, expect_refusal, get
from tests.api.conftest import service_on
from tests.api.held_upload import HeldUpload
from tests.api.operated_server import NOT_SERVING, SERVING, check_health, listed_services, run, wait_for_uploads
from tests.api.server_process import NewServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewServerProcess]:
    data = tmp_path_factory.mktemp("process") / "data"
    with NewServerProcess(data, "--reflection", "--log-format=json", "--log-level=debug") as process:
        yield process


@pytest.fixture
def channel(server: NewServerProcess) -> Iterator[grpc.Channel]:
    with server.channel() as channel:
        yield channel


def test_the_first_line_names_the_address_and_nothing_else_is_printed(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data") as server:
        assert server.first_line == f"argosy-server listening on grpc://{server.address}\n"
        server.terminate()
        assert server.wait() == 0
        assert server.stdout.read() == ""


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_health_is_told_for_the_server_and_for_each_service(channel: grpc.Channel, service: str) -> None:
    assert check_health(channel, service) == SERVING


def test_health_of_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        check_health(channel, "argosy.v9.Nothing")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    assert set(SERVICES) <= set(listed_services(channel))


def test_without_the_flag_there_is_no_reflection(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        with pytest.raises(grpc.RpcError) as caught:
            listed_services(channel)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_every_call_is_logged_with_its_request_id_as_one_json_line(
    server: NewServerProcess, channel: grpc.Channel
) -> None:
    request = create_request("p", "logged")
    service_on("server", server.data, channel).artifacts.CreateArtifactVersion(request)
    lines = [json.loads(line) for line in server.log().splitlines()]
    [line] = [line for line in lines if line.get("request_id") == request.request_id]
    assert (line["event"], line["level"], line["code"]) == ("call", "debug", "OK")
    assert line["method"] == "/argosy.v1.ArtifactService/CreateArtifactVersion"


def test_what_migrates_the_database_says_nothing_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    fill_0002(f"sqlite:///{tmp_path / 'data' / 'metadata.db'}", f"UPDATE store SET id = '{new_id()}'")
    with NewServerProcess(tmp_path / "data", "--sweep-interval=0") as server:
        assert server.log() == ""


def test_a_message_over_four_mebibytes_is_refused_by_grpc(server: NewServerProcess, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(service_on("server", server.data, channel), "p", "big", b"x" * (4 << 20))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_slow_uploads_do_not_starve_small_calls(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data", "--max-workers=1") as server, server.channel() as channel:
        service = service_on("server", server.data, channel)
        uploads = [HeldUpload(service, f"slow{number}") for number in range(3)]
        assert create(service, "p", "small").version == "1"
        for upload in uploads:
            upload.released.set()
        assert [upload.call.result(timeout=20).artifact_version.version for upload in uploads] == ["1"] * 3


def test_a_taken_port_is_a_clear_error_and_nothing_is_created(server: NewServerProcess, tmp_path: Path) -> None:
    second = run("serve", f"--listen={server.address}", f"--data={tmp_path / 'second'}")
    assert second.returncode == 1
    assert second.stderr.startswith(f"error: cannot listen on {server.address}: the port is taken")
    assert second.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051", "example.org:50051"])
def test_an_address_other_machines_can_reach_needs_insecure(listen: str, tmp_path: Path) -> None:
    refused = run("serve", f"--listen={listen}", f"--data={tmp_path / 'data'}")
    assert refused.returncode == 1
    assert "say --insecure" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_insecure_listens_everywhere_and_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "argosy_server", "serve", "--listen=0.0.0.0:0", "--insecure"]
    with subprocess.Popen(
        [*command, f"--data={tmp_path}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("argosy-server listening on grpc://0.0.0.0:")
        process.send_signal(signal.SIGINT)
        _, warnings = process.communicate(timeout=20)
    assert "whoever reaches this port can read, write and delete everything" in warnings
    assert process.returncode == 0


@pytest.mark.parametrize("listen", ["", "50051", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000"])
def test_a_malformed_address_is_refused_with_an_example(listen: str, tmp_path: Path) -> None:
    refused = run("serve", f"--listen={listen}", f"--data={tmp_path / 'data'}")
    assert (refused.returncode, "write HOST:PORT such as 127.0.0.1:50051" in refused.stderr) == (1, True)


def test_a_data_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = run("serve", "--listen=127.0.0.1:0", f"--data={tmp_path / 'file/data'}")
    assert refused.returncode == 1
    assert f"{tmp_path}/file/data cannot be created" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_blobs_url_nobody_knows_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    refused = run("serve", "--listen=127.0.0.1:0", f"--data={tmp_path / 'data'}", "--blobs=nothing://bucket")
    assert (refused.returncode, "nothing://bucket" in refused.stderr) == (1, True)
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_blobs_leaves_no_database(tmp_path: Path) -> None:
    (tmp_path / "blobs").touch()
    refused = run("serve", "--listen=127.0.0.1:0", f"--data={tmp_path}")
    assert (refused.returncode, "a file is in the way" in refused.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_settings_come_from_the_environment_too(tmp_path: Path) -> None:
    refused = run("serve", f"--data={tmp_path}", ARGOSY_SERVER_LISTEN="0.0.0.0:0")
    assert "--listen 0.0.0.0 can be reached from other machines" in refused.stderr


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_each_setting_of_serve_and_its_variable_in_full(option: str) -> None:
    shown = run("serve", option, COLUMNS="80").stdout
    settings = ["listen", "data", "database", "blobs", "durability", "insecure", "reflection", "grace"]
    settings += ["direct-access", "max-workers", "max-watchers", "sweep-interval", "log-format", "log-level"]
    settings += ["config", "workers", "signed-transfers"]
    for setting in settings:
        assert f"--{setting} " in shown
        assert re.search(rf"\bARGOSY_SERVER_{setting.replace('-', '_').upper()}[;\]]", shown), setting
    assert sorted(re.findall(r"--([a-z-]+) ", shown)) == sorted([*settings, "help"])
    assert {
        value for value in ("127.0.0.1:50051", "~/.argosy-server", "600.0", "30.0", "16", "full") if value not in shown
    } == set()


def test_version_is_an_option_and_a_command() -> None:
    assert run("--version").stdout == f"argosy-server {__version__}\n"
    assert run("version").stdout == f"{__version__}\n"


def test_what_was_saved_is_there_after_a_kill_and_a_restart(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        saved = create(service_on("server", server.data, channel), "p", "kept", b"x" * 100_000)
        server.process.kill()
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        assert get(service_on("server", server.data, channel), "p", id=saved.id) == saved


def test_sigterm_lets_calls_finish_and_turns_new_ones_away(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data", "--grace=20") as server, server.channel() as channel:
        service = service_on("server", server.data, channel)
        upload = HeldUpload(service, "finished")
        wait_for_uploads(server, 1)
        server.terminate()
        while check_health(channel, "") == SERVING:
            time.sleep(0.01)
        assert [check_health(channel, name) for name in SERVICES] == [NOT_SERVING] * 3
        with expect_refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING"):
            create(service, "p", "too-late")
        upload.released.set()
        assert upload.call.result(timeout=10).artifact_version.version == "1"
        assert server.wait() == 0


def test_calls_are_cut_after_the_grace_and_leave_nothing_behind(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data", "--grace=0.3") as server, server.channel() as channel:
        service = service_on("server", server.data, channel)
        upload = HeldUpload(service, "cut")
        wait_for_uploads(server, 1)
        server.terminate()
        assert upload.call.exception(timeout=10) is not None
        assert server.wait() == 0
        upload.released.set()
    with (
        NewServerProcess(tmp_path / "data") as server,
        server.channel() as channel,
        expect_refusal(grpc.StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"),
    ):
        get(service_on("server", server.data, channel), "p", name="cut")
