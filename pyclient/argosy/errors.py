"""Every exception the SDK raises on purpose.

    ArgosyError
    ├── DefinitionError          a step or pipeline is written wrongly (also TypeError)
    │   └── GraphError           … found while a pipeline body is recorded
    ├── ParameterError           a parameter does not fit its annotation (also ValueError)
    ├── ConfigurationError       a setting is unknown, malformed or contradictory (also ValueError)
    ├── MaterializerError        a value cannot be kept, or a file layout cannot be read, faithfully
    │   └── PickleRefusedError   only pickle could keep the value and pickle is off
    ├── OutputError              a step returned the wrong number of values (also TypeError)
    ├── SaveOutputError          a returned value could not be saved; tells where the rescue is
    ├── BatchError               some of many values could not be saved; says which were, and which not and why
    ├── PipelineNotFoundError    the pipeline of a run is not found in this program (also LookupError)
    ├── RunCancelledError        somebody asked the run to stop, and it did
    ├── StepTimeoutError         a step took longer than its timeout (also TimeoutError)
    ├── WorkerLostError          the process that ran a step died
    ├── WorkerImportError        a worker process has not the module a step lives in (also ImportError)
    ├── RemoteStepError          stands for an exception of a worker process that cannot be brought here
    ├── EventLoopError           an asyncio client is used in another loop, or after its end (also RuntimeError)
    ├── CorruptDataError         bytes do not match their checksum; never returned as a value
    └── ServiceError             the service refused or could not be reached
        ├── InvalidRequestError      (also ValueError)
        ├── NotFoundError            (also LookupError)
        ├── AlreadyExistsError
        ├── ConflictError            lost a race: stale etag, superseded attempt or upload
        ├── PreconditionError        the state of the store does not allow it
        ├── OutOfRangeError          (also IndexError)
        │   └── CursorExpiredError   events after a cursor are gone, or a cursor or page token is of something else
        ├── ResourceExhaustedError   disk, quota or message size
        ├── PermissionDeniedError    (also PermissionError)
        ├── UnauthenticatedError     (also PermissionError)
        ├── UnavailableError         (also ConnectionError)
        ├── DeadlineError            (also TimeoutError)
        └── InternalServiceError     a defect of the service; report it

Statuses of the wire become these in one place, ``argosy.transport.rpc.error_mapping``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ArgosyError(Exception):
    """Base of every exception Argosy raises on purpose."""


class DefinitionError(ArgosyError, TypeError):
    """A ``@step`` or ``@pipeline`` is written wrongly."""


class GraphError(DefinitionError):
    """A pipeline body does something a recorded graph cannot mean."""


class ParameterError(ArgosyError, ValueError):
    """A parameter is not JSON-like or does not fit its annotation."""


class ConfigurationError(ArgosyError, ValueError):
    """A setting is unknown, malformed or contradicts another."""


class MaterializerError(ArgosyError):
    """A value cannot be kept, or a stored layout cannot be read, faithfully."""


class PickleRefusedError(MaterializerError):
    """Only pickle could keep (or read) the value, and pickle is switched off."""


class OutputError(ArgosyError, TypeError):
    """A step returned another number of values than it declares."""


class SaveOutputError(ArgosyError):
    """A returned value could not be saved; the message says where it was rescued to."""


class BatchError(ArgosyError):
    """Some of many values could not be saved.

    Attributes:
        saved: the versions (:class:`argosy.ArtifactVersion`) of those that were, by name.
        refused: why the others were not, by name.
    """

    def __init__(self, message: str, saved: Mapping[str, Any], refused: Mapping[str, Exception]) -> None:
        """Keep both."""
        super().__init__(message)
        self.saved = dict(saved)
        self.refused = dict(refused)


class PipelineNotFoundError(ArgosyError, LookupError):
    """The pipeline of a run is not found where the run says that it is defined."""


class RunCancelledError(ArgosyError):
    """Somebody asked the run to stop, and it did."""


class EventLoopError(ArgosyError, RuntimeError):
    """An asyncio client is used in another event loop than its own, after it was closed, or across a fork."""


class StepTimeoutError(ArgosyError, TimeoutError):
    """An attempt of a step took longer than the step's timeout."""


class WorkerLostError(ArgosyError):
    """The process that ran a step died: it was killed, or crashed, or the machine had no memory left."""


class WorkerImportError(ArgosyError, ImportError):
    """A worker process has not the module a step lives in."""


class RemoteStepError(ArgosyError):
    """Stands for an exception that was raised in a worker process and cannot be brought here; its text tells which."""


class CorruptDataError(ArgosyError):
    """Stored or transferred bytes do not match their checksum."""


class ServiceError(ArgosyError):
    """The service refused a request or could not be reached.

    Attributes:
        reason: the machine-readable reason, a name of ``argosy.v1.ErrorReason``
            without its prefix (``"VERSION_EXISTS"``), or ``""``.
        metadata: what the service adds to the reason, for programs.
        code: name of the gRPC status the call ended with (``"ALREADY_EXISTS"``), or ``""`` where it was no call.
    """

    def __init__(
        self, message: str, *, reason: str = "", metadata: dict[str, str] | None = None, code: str = ""
    ) -> None:
        """Keep the message for people, the rest for programs."""
        super().__init__(message)
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.code = code


class InvalidRequestError(ServiceError, ValueError):
    """A field, name, path or digest is malformed."""


class NotFoundError(ServiceError, LookupError):
    """The named thing does not exist in this project."""


class AlreadyExistsError(ServiceError):
    """A name or label is taken."""


class ConflictError(ServiceError):
    """Somebody else was first: stale etag, superseded attempt or upload."""


class PreconditionError(ServiceError):
    """The state of the store does not allow the request."""


class OutOfRangeError(ServiceError, IndexError):
    """An offset lies beyond the end."""


class CursorExpiredError(OutOfRangeError):
    """Events after a cursor were forgotten, or it is of another store or project; or a page token is of another list.

    List what there is now, and watch anew without a cursor; or read the list again from its beginning.
    """


class ResourceExhaustedError(ServiceError):
    """Disk, quota or message size is used up."""


class PermissionDeniedError(ServiceError, PermissionError):
    """The caller may not do this."""


class UnauthenticatedError(ServiceError, PermissionError):
    """The caller is not known."""


class UnavailableError(ServiceError, ConnectionError):
    """The service cannot be reached or is draining."""


class DeadlineError(ServiceError, TimeoutError):
    """The service did not answer in time."""


class InternalServiceError(ServiceError):
    """A defect of the service."""
