"""``--help`` teaches: each command has examples, and they are commands that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from argosy.cli import app
from tests.unit.cli.conftest import CommandLine

TREE: Any = typer.main.get_command(app)


def commands() -> Iterator[tuple[str, ...]]:
    for name, command in TREE.commands.items():
        if hasattr(command, "commands"):
            yield from ((name, inner) for inner in command.commands)
        else:
            yield (name,)


COMMANDS = [*commands()]


def options_of(path: tuple[str, ...]) -> set[str]:
    command = TREE
    for name in path:
        command = command.commands[name]
    return {option for item in command.params for option in item.opts} | {"--help", "-h"}


def examples(typed: CommandLine, path: tuple[str, ...]) -> list[list[str]]:
    """Return the words after ``argosy`` of each example; what stands beside it is two blanks away."""
    lines = re.findall(r"^    (\S.*)$", typed(*path, "--help").stdout, re.MULTILINE)
    calls = [re.split(r" {2,}", line)[0].partition(" | ")[0] for line in lines]
    return [shlex.split(call.partition("argosy ")[2].rstrip(')"')) for call in calls if "argosy " in call]


def test_the_groups_come_first_and_their_commands_in_order_of_use(typed: CommandLine) -> None:
    listed = {
        path: re.findall(r"^  (\w+) {2,}\S", typed(*path, "--help").stdout.partition("Commands:")[2], re.MULTILINE)
        for path in ((), ("artifact",), ("pipeline",), ("run",), ("cache",), ("config",))
    }
    assert listed[()][:5] == ["artifact", "pipeline", "run", "cache", "config"]
    assert listed[("artifact",)][:4] == ["list", "show", "get", "put"]
    assert listed[("artifact",)][-2:] == ["delete", "prune"]
    assert listed[("pipeline",)] == ["run", "list", "show"]
    assert listed[("run",)] == ["list", "show", "logs", "compare", "graph", "resume", "cancel"]
    assert listed[("cache",)] == ["list", "explain", "evict"]
    assert listed[("config",)] == ["show", "set"]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_teaches_by_examples_that_are_commands_that_exist(
    typed: CommandLine, path: tuple[str, ...]
) -> None:
    found = examples(typed, path)
    own = [words for words in found if tuple(words[: len(path)]) == path]
    assert own, f"argosy {' '.join(path)} --help has no example of it"
    for words in found:
        named = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
        assert named in COMMANDS, f"{words} is no command"
        used = {word for word in words if re.fullmatch(r"-[a-z]|--[a-z-]+", word)}
        assert used <= options_of(named), f"{words} has options that are not there"


@pytest.mark.parametrize("path", [path for path in COMMANDS if path[-1] in {"list", "show"} and path[0] != "config"])
def test_each_list_and_show_has_formats_and_columns(path: tuple[str, ...]) -> None:
    assert {"--output", "-o", "--columns"} <= options_of(path)


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != ("completion",)], ids=" ".join)
def test_each_command_takes_the_options_of_the_store(path: tuple[str, ...]) -> None:
    assert {"--server", "--project", "--home"} <= options_of(path)


@pytest.mark.parametrize("path", [("artifact", "delete"), ("artifact", "prune"), ("cache", "evict")], ids=" ".join)
def test_what_destroys_asks_unless_it_is_told_not_to(path: tuple[str, ...]) -> None:
    assert {"--yes", "-y"} <= options_of(path)


@pytest.mark.parametrize("group", ["", "artifact", "pipeline", "run", "cache", "config"])
def test_no_line_in_a_list_of_commands_is_cut(typed: CommandLine, group: str) -> None:
    listed = typed(*group.split(), "--help").stdout.partition("Commands:")[2]
    assert [line for line in listed.splitlines() if line.endswith("...")] == []
