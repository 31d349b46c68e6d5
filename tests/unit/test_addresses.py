"""What ``ARGOSY_SERVER`` may say, and what a malformed list is told."""

from __future__ import annotations

import pytest

from argosy.addresses import addresses_of, host_of, is_here, parse_server, told, without_secrets


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
        ("grpc://a:1,::1:2", r"an IPv6 address stands in brackets, as in \[::1\]:50051"),
    ],
)
def test_a_malformed_list_is_told_its_entry_the_rule_and_the_cure(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parse_server(text)


WITH_SECRETS = [
    ("grpc://u:SECRET@a:1", "grpc://…@a:1"),
    ("grpcs://SECRET@[::1]:5", "grpcs://…@[::1]:5"),
    ("grpc://u:SECRET@a:1,b:2", "grpc://…@a:1,b:2"),
    ("grpc://a:1,u:SECRET@b:2", "grpc://…@b:2"),
    ("grpc://u:SECRET@a:1,u:SECRET@b:2", "grpc://…@b:2"),
    ("grpc://u:SEC,RET/SECRET@a:1", "grpc://…@a:1"),
    ("grpc://u:SECRET%40a:1", "grpc://…@a:1"),
    ("grpc://u:SECRET?SECRET#SECRET@a:1", "grpc://…"),
    ("grpc://a:1?token=SECRET", "grpc://a:1…"),
    ("grpc://a:1,b:2?token=SECRET", "grpc://a:1,b:2…"),
    ("grpc://a:1?token=SECRET@SECRET", "grpc://…"),
    ("grpc://a:1#SECRET", "grpc://a:1…"),
    ("u:SECRET@a:1", "…@a:1"),
    ("http://u:SECRET@a:1", "http://…@a:1"),
    ("unix://u:SECRET@host/run/a.sock", "unix://…@host/run/a.sock"),
    ("embedded:///srv/store?token=SECRET", "embedded:///srv/store…"),
]


@pytest.mark.parametrize(("text", "shown"), WITH_SECRETS)
def test_an_address_with_credentials_is_refused_and_they_are_not_repeated(text: str, shown: str) -> None:
    with pytest.raises(ValueError, match="no credentials belong in it; write grpc://host:port") as refusal:
        parse_server(text)
    assert "SECRET" not in str(refusal.value)
    assert without_secrets(text) == shown


def test_what_is_malformed_in_another_way_hides_credentials_too() -> None:
    text = "unix:///run/a.sock,grpc://u:SECRET@b:2"
    with pytest.raises(ValueError, match="a list names servers in a network only") as refusal:
        parse_server(text)
    assert "SECRET" not in str(refusal.value)
    assert without_secrets(text) == "unix://…@b:2"


def test_a_path_may_have_an_at_sign() -> None:
    assert parse_server("embedded:///home/me@work/store") == "embedded:///home/me@work/store"
    assert parse_server("unix:///run/me@work.sock") == "unix:///run/me@work.sock"


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
