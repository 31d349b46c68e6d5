"""URLs of an S3 bucket by which clients send the parts of uploads, and read objects, themselves.

Length and SHA-256 of a part are headers that the signature covers (SigV4), so the store takes nothing else.
Credentials, region and endpoint come from the standard chain, as for all else that is kept there. State is kept nowhere
but in the store: another replica finds the parts of a location by its key.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.signed_transfers import KeptPart, Part, SignedPut

ATTEMPTS = 5
"""How often a call is tried; the pauses between grow, and are of random length."""
CONNECT_SECONDS, READ_SECONDS = 10, 60
_GONE = frozenset({"NoSuchUpload", "NoSuchKey", "404"})
_log = logging.getLogger(__name__)


def open_s3_signing(bucket: str, key_of: Callable[[str], str]) -> S3Signing | None:
    """Return what signs URLs of a bucket, ``None`` where there is nothing to sign with.

    Args:
        bucket: its name.
        key_of: returns the key of a location.

    Raises:
        StorageUnavailable: the settings of the standard chain contradict each other.
    """
    # What it logs at debug are signatures, and all they are made from.
    for name in ("botocore", "urllib3"):
        quiet = logging.getLogger(name)
        quiet.setLevel(max(quiet.level, logging.INFO))
    try:
        session = botocore.session.get_session()
        if session.get_credentials() is None:
            _log.warning("no credentials are configured, so clients send and read all bytes through this server")
            return None
        retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        config = Config(
            signature_version="s3v4",
            retries=retries,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return S3Signing(session.create_client("s3", config=config), bucket, key_of)
    except (BotoCoreError, ValueError) as error:
        raise StorageUnavailable(f"bucket {bucket} cannot be used: {error}; correct the AWS settings") from error


class S3Signing:
    """Signs for one bucket. Made by :func:`open_s3_signing`; used by any thread."""

    def __init__(self, client: Any, bucket: str, key_of: Callable[[str], str]) -> None:
        """Sign with the credentials of a client of botocore."""
        self._client = client
        self._bucket = bucket
        self._key_of = key_of

    def begin_parts(self, location: str) -> None:
        """Let parts of a new location be sent."""
        with self._translated():
            self._client.create_multipart_upload(**self._object(location), ChecksumAlgorithm="SHA256")

    def sign_parts(self, location: str, parts: Sequence[Part], lifetime: timedelta) -> list[SignedPut] | None:
        """Return how to send each part; ``None`` when there is nothing they could be sent to."""
        upload_id = self._upload_id(location)
        if upload_id is None:
            return None
        with self._translated():
            return [self._sign_part(location, upload_id, part, lifetime) for part in parts]

    def kept_parts(self, location: str) -> list[KeptPart] | None:
        """Return the parts that were sent, by their numbers; ``None`` when there is nothing they could be sent to."""
        upload_id = self._upload_id(location)
        if upload_id is None:
            return None
        with self._translated():
            pages = self._client.get_paginator("list_parts").paginate(**self._object(location), UploadId=upload_id)
            try:
                return [_kept(part) for page in pages for part in page.get("Parts", [])]
            except ClientError as error:
                if _code(error) in _GONE:  # ended between the two calls
                    return None
                raise

    def join_parts(self, location: str, parts: Sequence[KeptPart]) -> None:
        """Make the object of the parts; when somebody else has done so, nothing happens."""
        upload_id = self._upload_id(location)
        if upload_id is None:
            return
        listed = [
            {
                "PartNumber": part.number,
                "ETag": part.tag,
                # One that believes every checksum keeps none.
                **({"ChecksumSHA256": part.checksum} if part.checksum else {}),
            }
            for part in parts
        ]
        with self._translated():
            try:
                self._client.complete_multipart_upload(
                    **self._object(location), UploadId=upload_id, MultipartUpload={"Parts": listed}
                )
            except ClientError as error:
                if _code(error) not in _GONE:
                    raise

    def sign_read(self, location: str, lifetime: timedelta) -> str:
        """Return the URL an object is read by."""
        with self._translated():
            return self._sign("get_object", self._object(location), lifetime)

    def _sign_part(self, location: str, upload_id: str, part: Part, lifetime: timedelta) -> SignedPut:
        checksum = base64.b64encode(part.sha256).decode()
        facts = {
            **self._object(location),
            "UploadId": upload_id,
            "PartNumber": part.number,
            "ContentLength": part.size,
            "ChecksumSHA256": checksum,
        }
        headers = {"Content-Length": str(part.size), "x-amz-checksum-sha256": checksum}
        return SignedPut(self._sign("upload_part", facts, lifetime), headers)

    def _sign(self, operation: str, facts: dict[str, Any], lifetime: timedelta) -> str:
        url: str = self._client.generate_presigned_url(operation, Params=facts, ExpiresIn=int(lifetime.total_seconds()))
        return url

    def _upload_id(self, location: str) -> str | None:
        """Return what the store calls the unfinished upload of a location."""
        key = self._key_of(location)
        with self._translated():
            answer = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
        found: list[str] = [one["UploadId"] for one in answer.get("Uploads", []) if one["Key"] == key]
        return found[0] if found else None

    def _object(self, location: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._key_of(location)}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise the refusal for whatever the store answers in the block. What it is told holds no URL."""
        try:
            yield
        except ClientError as error:
            code, call = _code(error), error.operation_name
            raise StorageUnavailable(f"bucket {self._bucket} refuses {call} ({code}); try again") from error
        except BotoCoreError as error:
            reason = type(error).__name__
            raise StorageUnavailable(f"bucket {self._bucket} cannot be reached ({reason}); try again") from error


def _kept(part: dict[str, Any]) -> KeptPart:
    return KeptPart(part["PartNumber"], part["Size"], part["ETag"], part.get("ChecksumSHA256", ""))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
