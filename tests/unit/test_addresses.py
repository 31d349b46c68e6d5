"""What ``ARGOSY_SERVER`` may say, and what a malformed list is told."""

from __future__ import annotations

import pytest

from argosy.addresses import addresses_of, host_of, is_here, parse_server, told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" grpc://a:1 ", "grpc://a:1"),
        ("GRPC://A:1/", "grpc://a:1"),
        ("grpc://a:1,b:2", "grpc://a:1,b:2"),
        ("grpc://a:1, b:2 ,c:3", "grpc://a:1,b:2,c:3"),
        ("grpcs://a:1,grpcs://b:2", "grpcs://a:1,b:2"),
        ("grpc://[::1]:5,[fe80::A]:6,10.0.0.1:7", "grpc://[::1]:5,[fe80::a]:6,10.0.0.1:7"),
        ("unix:///run/a,b.sock", "unix:///run/a,b.sock"),
        ("embedded:///srv/store", "embedded:///srv/store"),
    ],
)
def test_addresses_and_lists_of_them(text: str, expected: str) -> None:
    assert parse_server(text) == expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("grpc://a:1,,b:2", r"entry 2 of its 3 is empty; remove the comma, or write grpc://host:port,host:port"),
        ("grpc://a:1,", r"entry 2 of its 2 is empty"),
        ("grpc://,a:1", r"entry 1 of its 2 is empty"),
        ("grpc://a:1,b:2,A:1", r"it names a:1 twice; name each server once"),
        ("grpc://a:1,a:01", r"it names a:1 twice"),
        ("grpc://a:1,grpcs://b:2", r"all servers of a list are reached alike, here they have grpc:// and grpcs://"),
        ("grpc://a:1,unix:///run/b.sock", r"reached alike, here they have grpc:// and unix://"),
        ("unix:///run/b.sock,grpc://a:1", r"a list names servers in a network only, here it has unix:// and grpc://"),
        ("embedded:///srv/store,embedded:///other", r"servers in a network only"),
        ("grpc://a:1,b", r"its entry 'b' is malformed; write grpc://host:port,host:port"),
        ("grpc://a:1,b:x", r"the port of its entry 'b:x' is not a number from 1 to 65535"),
        ("grpc://a:1,b:70000", r"the port of its entry 'b:70000' is not a number"),
        ("grpc://a:1,b c:2", r"its entry 'b c:2' is malformed"),
        ("grpc://a:1,me@b:2", r"its entry 'me@b:2' is malformed"),
        ("grpc://a:1,::1:2", r"an IPv6 address stands in brackets, as in \[::1\]:50051"),
    ],
)
def test_a_malformed_list_is_told_its_entry_the_rule_and_the_cure(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parse_server(text)


def test_a_list_is_taken_apart() -> None:
    assert addresses_of("grpcs://a:1,[::1]:2") == ["grpcs://a:1", "grpcs://[::1]:2"]
    assert addresses_of("unix:///run/a,b.sock") == ["unix:///run/a,b.sock"]
    assert [host_of(address) for address in ("grpcs://[::1]:2", "unix:///run/a")] == ["[::1]:2", "unix:///run/a"]


def test_a_long_list_is_cut_for_people() -> None:
    assert told("grpc://a:1,b:2,c:3,d:4") == "grpc://a:1,b:2,c:3,d:4"
    assert told("grpc://a:1,b:2,c:3,d:4,e:5") == "grpc://a:1,b:2,c:3 and 2 more"


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("grpc://127.0.0.1:1,localhost:2,[::1]:3", True),
        ("grpc://127.0.0.1:1,b:2", False),
        ("unix:///run/a.sock", True),
        ("", True),
    ],
)
def test_servers_are_on_this_machine_when_all_of_them_are(server: str, expected: bool) -> None:
    assert is_here(server) is expected
