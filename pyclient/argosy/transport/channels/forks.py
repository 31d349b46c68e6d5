"""What a forked process may not do: gRPC for event loops does not outlive a fork, it aborts the process or hangs.

Its thread and locks are in the child as they were in the parent at that moment, and nobody holds them. After channels
of event loops were closed, blocking ones work in the child; while one was open, none does.
"""

from __future__ import annotations

import os
import weakref

import grpc

from argosy.errors import EventLoopError

_CURE = (
    "start worker processes by multiprocessing's 'spawn' or 'forkserver', or fork before argosy.aio is used with a "
    "server for the first time"
)


class _Used:
    """What was used of event loops, in this process and before the fork it comes from."""

    def __init__(self) -> None:
        self.channels: weakref.WeakSet[grpc.aio.Channel] = weakref.WeakSet()
        self.open: weakref.WeakSet[grpc.aio.Channel] = weakref.WeakSet()
        self.ever = False
        self.before_fork = False
        self.open_at_fork = False
        self.inherited: list[grpc.aio.Channel] = []

    def go_on_in_child(self) -> None:
        self.before_fork = self.before_fork or self.ever
        self.open_at_fork = self.open_at_fork or len(self.open) > 0
        # The last one that is collected waits for a thread, which ended at the fork.
        self.inherited += self.channels


_used = _Used()


def note_loop_channel(channel: grpc.aio.Channel) -> grpc.aio.Channel:
    """Remember that a channel of an event loop is open in this process, and return it."""
    _used.ever = True
    _used.channels.add(channel)
    _used.open.add(channel)
    return channel


def forget_loop_channel(channel: grpc.aio.Channel) -> None:
    """Say that a channel of an event loop was closed."""
    _used.open.discard(channel)


def check_loop_channels_work(address: str) -> None:
    """Refuse event loops in the child of a process that used them.

    Raises:
        EventLoopError: this is one.
    """
    if _used.before_fork:
        raise EventLoopError(
            f"argosy.aio cannot reach {address}: process {os.getpid()} was forked from one that had used argosy.aio "
            f"with a server, which gRPC does not outlive; {_CURE}"
        )


def check_channels_work(address: str) -> None:
    """Refuse every connection in the child of a process that had one of an event loop open at the fork.

    Raises:
        EventLoopError: this is one.
    """
    if _used.open_at_fork:
        raise EventLoopError(
            f"{address} cannot be reached: process {os.getpid()} was forked while argosy.aio was connected to a "
            f"server, which gRPC does not outlive; {_CURE}"
        )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_used.go_on_in_child)
