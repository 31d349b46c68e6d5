"""What stores of the S3 protocol, and the way to them, answer: which of it passes, and as what it is refused.

Messages are ours: those of the libraries hold URLs, and what some stores answer holds what they signed.
"""

from __future__ import annotations

from botocore import exceptions
from botocore.exceptions import ClientError

from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable

# 412 as well: the one request that has a condition looks at the answer itself.
TRANSIENT_STATUSES = frozenset({412, 429, 500, 502, 503, 504})
TRANSIENT_CODES = frozenset(
    {
        "409",  # of a HEAD request, whose answer has no room for more
        "BadDigest",  # bytes changed on the way
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "XAmzContentSHA256Mismatch",
    }
)
MISSING_CODES = frozenset({"NoSuchKey", "NoSuchUpload", "NoSuchVersion", "404"})
_TRANSIENT_ERRORS = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ReadTimeoutError,
    exceptions.ResponseStreamingError,
)
_LASTING_ERRORS = (exceptions.SSLError, exceptions.ProxyConnectionError)
_FULL_CODES = frozenset({"QuotaExceeded", "StorageQuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"})
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile or role that stands for them; nothing was changed"
)
_CURES = {
    "AccessDenied": "these credentials may not do that; allow them ListBucket, ListBucketMultipartUploads, "
    "ListMultipartUploadParts, GetObject, PutObject, DeleteObject and AbortMultipartUpload there",
    "AuthorizationHeaderMalformed": "the region is wrong; set AWS_DEFAULT_REGION to that of the bucket",
    "ExpiredToken": "the session token has expired; get new credentials",
    "IllegalLocationConstraintException": "the region is wrong; set AWS_DEFAULT_REGION to that of the bucket",
    "InvalidAccessKeyId": f"it does not know the access key; correct {_CREDENTIALS}",
    "InvalidBucketName": "no bucket can have that name; correct the URL",
    "InvalidToken": "the session token is not valid; get new credentials, or unset AWS_SESSION_TOKEN",
    "NoSuchBucket": "there is no such bucket; create it, or correct the URL, the endpoint or the region",
    "PermanentRedirect": "the bucket is in another region; set AWS_DEFAULT_REGION to that one",
    "PreconditionFailed": "it says that a condition does not hold, though none was made; try again, and look at the "
    "store if it lasts",
    "RequestTimeTooSkewed": "the clock of this machine differs too much from that of the store; set it, best by NTP",
    "SignatureDoesNotMatch": f"the secret key is wrong; correct {_CREDENTIALS}",
    "SlowDown": "it asks for fewer requests; try again later",
}
_SAME_AS = {
    "301": "PermanentRedirect",
    "401": "InvalidAccessKeyId",
    "403": "AccessDenied",
    "412": "PreconditionFailed",
    "503": "SlowDown",
    "AllAccessDisabled": "AccessDenied",
    "RequestExpired": "RequestTimeTooSkewed",
    "TokenRefreshRequired": "ExpiredToken",
    "XAdminUserNotFound": "InvalidAccessKeyId",
}


def code_of(error: ClientError) -> str:
    """Return the store's own name of what it answered; the HTTP status where a HEAD request left no room for one."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_transient(error: Exception) -> bool:
    """Tell whether the same request may go well in a moment."""
    if isinstance(error, ClientError):
        return status_of(error) in TRANSIENT_STATUSES or code_of(error) in TRANSIENT_CODES
    # Broken and slow connections; answers that end too early.
    return isinstance(error, _TRANSIENT_ERRORS) and not isinstance(error, _LASTING_ERRORS)


def is_unreachable(error: Exception) -> bool:
    """Tell whether there was not even a connection, as when the store is down or the network split."""
    return isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError)


def refusal(error: Exception, place: str) -> DomainError:
    """Return what stands for a failure that did not pass.

    Args:
        error: of botocore.
        place: what the storage is called in messages.
    """
    if not isinstance(error, ClientError):
        return StorageUnavailable(f"blobs in {place} cannot be reached: {_broken(error)}")
    code = code_of(error)
    if code in _FULL_CODES:
        return StorageFull(f"no room left for blobs in {place} ({code}); free space there, reading still works")
    call = error.operation_name
    cure = _CURES.get(_SAME_AS.get(code, code))
    if cure is None:
        message = str(error.response.get("Error", {}).get("Message", ""))[:200]
        cure = f"{message or 'it does not say why'}; try again, and look at the store if it lasts"
    return StorageUnavailable(f"blobs in {place} cannot be reached: the store refuses {call} ({code}): {cure}")


def _broken(error: Exception) -> str:
    """Say why no answer came, and what to do."""
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return f"no credentials were found; set {_CREDENTIALS}"
    if isinstance(error, exceptions.CredentialRetrievalError | exceptions.TokenRetrievalError):
        return f"the credentials could not be fetched ({type(error).__name__}); look at the profile or the role"
    if isinstance(error, exceptions.SSLError):
        return "the certificate of the store is not trusted; set AWS_CA_BUNDLE to the file of its authority"
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ProxyConnectionError):
        return "nothing answers at its address; look at AWS_ENDPOINT_URL, the region and the network"
    if isinstance(error, exceptions.ConnectTimeoutError | exceptions.ReadTimeoutError):
        return "it answers too slowly; try again, and look at the store and the network if it lasts"
    return f"the connection broke ({type(error).__name__}); try again, and look at the network if it lasts"
