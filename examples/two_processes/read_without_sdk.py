"""The third process: reads through the generated stubs alone, as any language would.

    python read_without_sdk.py HOST:PORT

No line of the SDK is loaded: the contract in ``protos/`` is all that is used.
"""

import json
import sys
from collections.abc import Iterator

import grpc
from blake3 import blake3

from argosy.v1 import artifact_pb2, artifact_service_pb2_grpc, artifact_transfer_pb2


def download(
    messages: Iterator[artifact_transfer_pb2.DownloadArtifactResponse],
) -> tuple[artifact_pb2.ArtifactVersion, dict[str, bytes]]:
    """Put the files of one version together; each is used only after its digest was checked."""
    version, files, file, parts = artifact_pb2.ArtifactVersion(), {}, artifact_pb2.ArtifactFile(), bytearray()
    for message in messages:
        kind = message.WhichOneof("part")
        if kind == "version":
            version = message.version
        elif kind == "file_start":
            file, parts = message.file_start.file, bytearray()
        elif kind == "chunk":
            parts += message.chunk
        elif kind == "file_end":
            if f"blake3:{blake3(parts).hexdigest()}" != file.digest:
                raise SystemExit(f"{file.path} arrived damaged")
            files[file.path] = bytes(parts)
    return version, files


def main() -> None:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        stub = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
        request = artifact_transfer_pb2.DownloadArtifactRequest(
            project="default", selector=artifact_pb2.VersionSelector(name="shared/settings", alias="prod")
        )
        version, files = download(stub.DownloadArtifact(request, timeout=10))
    settings = json.loads(files["data.json"])
    if settings != {"threshold": 0.5, "classes": ["benign", "malignant"]}:
        raise SystemExit(f"other settings came back: {settings}")
    loaded = [name for name in sys.modules if name.startswith("argosy.") and not name.startswith("argosy.v1")]
    if loaded:
        raise SystemExit(f"the SDK was loaded: {loaded}")
    print(f"read {version.name} version {version.version} ({version.format}) without the SDK: {settings}")


if __name__ == "__main__":
    main()
