"""URLs of an S3 bucket by which clients send the parts of uploads, and read objects, themselves.

Length and SHA-256 of a part are headers that the signature covers (SigV4), so the store takes nothing else. State is
kept nowhere but in the store: another replica finds the parts of a location by its key.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from argosy_server.adapters.blobs.s3 import multipart
from argosy_server.adapters.blobs.s3.bucket import JOIN_SECONDS, Bucket
from argosy_server.adapters.blobs.s3.failures import refusal
from argosy_server.usecases.blobs.signed_transfers import KeptPart, Part, SignedPut

_log = logging.getLogger(__name__)


def open_s3_signing(bucket: Bucket) -> S3Signing | None:
    """Return what signs URLs of a bucket, ``None`` where there are no credentials to sign with.

    Raises:
        StorageUnavailable: the settings of the standard chain contradict each other.
    """
    try:
        session = botocore.session.get_session()
        if session.get_credentials() is None:
            _log.warning("there are no credentials to sign with, so clients move all bytes through this server")
            return None
        # Not the version botocore still takes for some regions: that one covers no header.
        client = session.create_client("s3", config=Config(signature_version="s3v4"))
    except (BotoCoreError, ValueError) as error:
        raise refusal(error, bucket.url) from error
    return S3Signing(client, bucket)


class S3Signing:
    """Signs for one bucket. Made by :func:`open_s3_signing`; used by any thread."""

    def __init__(self, client: Any, bucket: Bucket) -> None:
        """Sign with the credentials of a client of botocore, which is asked for nothing else."""
        self._client = client
        self._bucket = bucket

    def begin_parts(self, location: str) -> None:
        """Let parts of a new location be sent."""
        multipart.begin(self._bucket, self._bucket.key(location), ChecksumAlgorithm="SHA256")

    def sign_parts(self, location: str, parts: Sequence[Part], lifetime: timedelta) -> list[SignedPut] | None:
        """Return how to send each part; ``None`` when there is nothing they could be sent to."""
        upload_id = self._upload_id(location)
        if upload_id is None:
            return None
        return [self._sign_part(location, upload_id, part, lifetime) for part in parts]

    def kept_parts(self, location: str) -> list[KeptPart] | None:
        """Return the parts that were sent, by their numbers; ``None`` when there is nothing they could be sent to."""
        upload_id = self._upload_id(location)
        if upload_id is None:
            return None
        key = self._bucket.key(location)
        try:
            pages = self._bucket.pages("list_parts", Key=key, UploadId=upload_id)
            return [_kept(part) for page in pages for part in page.get("Parts", [])]
        except FileNotFoundError:  # ended between the two requests
            return None

    def join_parts(self, location: str, parts: Sequence[KeptPart]) -> None:
        """Make the object of the parts; when somebody else has done so, nothing happens."""
        upload_id = self._upload_id(location)
        if upload_id is None:
            return
        listed = [
            {
                "PartNumber": part.number,
                "ETag": part.tag,
                # A store that believes every checksum keeps none.
                **({"ChecksumSHA256": part.checksum} if part.checksum else {}),
            }
            for part in parts
        ]
        try:
            self._bucket.ask(
                "complete_multipart_upload",
                Key=self._bucket.key(location),
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},
                patience=JOIN_SECONDS,
            )
        except FileNotFoundError:
            return

    def sign_read(self, location: str, lifetime: timedelta) -> str:
        """Return the URL an object is read by."""
        return self._sign("get_object", lifetime, Key=self._bucket.key(location))

    def _sign_part(self, location: str, upload_id: str, part: Part, lifetime: timedelta) -> SignedPut:
        checksum = base64.b64encode(part.sha256).decode()
        url = self._sign(
            "upload_part",
            lifetime,
            Key=self._bucket.key(location),
            UploadId=upload_id,
            PartNumber=part.number,
            ContentLength=part.size,
            ChecksumSHA256=checksum,
        )
        return SignedPut(url, {"Content-Length": str(part.size), "x-amz-checksum-sha256": checksum})

    def _sign(self, operation: str, lifetime: timedelta, **facts: Any) -> str:
        """Sign, which asks the store nothing, but may fetch credentials that have run out."""
        try:
            url: str = self._client.generate_presigned_url(
                operation, Params={"Bucket": self._bucket.name, **facts}, ExpiresIn=int(lifetime.total_seconds())
            )
        except BotoCoreError as error:
            raise refusal(error, self._bucket.url) from error
        return url

    def _upload_id(self, location: str) -> str | None:
        """Return what the store calls the unfinished upload of a location."""
        found = multipart.unfinished_of(self._bucket, self._bucket.key(location))
        return found[0].id if found else None


def _kept(part: dict[str, Any]) -> KeptPart:
    return KeptPart(part["PartNumber"], part["Size"], part["ETag"], part.get("ChecksumSHA256", ""))
