package io.argosy.client;

import com.google.common.base.Throwables;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.ErrorReason;
import io.argosy.v1.ItemStatus;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.Map;
import java.util.Set;

/** The one table from statuses to exceptions. */
final class ErrorMapping {
    private static final String DOMAIN = "argosy";
    private static final String PREFIX = "ERROR_REASON_";
    private static final Set<Status.Code> MADE_BY_GRPC = Set.of(
            Status.Code.UNAVAILABLE,
            Status.Code.DEADLINE_EXCEEDED,
            Status.Code.CANCELLED,
            Status.Code.INTERNAL,
            Status.Code.UNKNOWN,
            Status.Code.RESOURCE_EXHAUSTED);

    private ErrorMapping() {}

    /**
     * Returns the exception that stands for how a call ended.
     *
     * @param error a StatusException or StatusRuntimeException
     */
    static ArgosyException of(Exception error, String address) {
        Status status = Status.fromThrowable(error);
        String text = status.getDescription() == null ? status.getCode().toString() : status.getDescription();
        ErrorInfo info = errorInfo(error);
        if (info != null) {
            return byReason(new Refusal(status.getCode(), info.getReason(), text, info.getMetadataMap(), error));
        }
        String message = "a call to the Argosy server at " + address + " ended with " + status.getCode() + ": " + text;
        if (status.getCode() == Status.Code.UNAVAILABLE && status.getCause() != null) {
            message += " (" + Throwables.getRootCause(status.getCause()).getMessage() + ")";
        }
        return byCode(Refusal.of(status.getCode(), message, error));
    }

    /** Returns the exception that stands for an item of a batch that was refused. */
    static ArgosyException of(ItemStatus item) {
        Status.Code code = Status.fromCodeValue(item.getCode()).getCode();
        return byReason(new Refusal(code, item.getReason(), item.getMessage(), Map.of(), null));
    }

    /** Tells whether the same simple call may succeed a moment later: the server is away. */
    static boolean isWorthCallingAgain(ArgosyException error) {
        return error instanceof ArgosyException.Unavailable
                || error instanceof ArgosyException.DeadlineExceeded && error.reason().isEmpty();
    }

    /** Tells whether a transfer goes on a moment later: also when the server is busy, or gRPC tells of a break. */
    static boolean isWorthGoingOn(ArgosyException error) {
        boolean isBreak = error.reason().isEmpty()
                && !(error instanceof ArgosyException.Cancelled)
                && MADE_BY_GRPC.contains(error.code());
        return isBreak || isWorthCallingAgain(error) || error instanceof ArgosyException.TooMuch;
    }

    /** Returns what an Argosy server told; null when none did. */
    private static ErrorInfo errorInfo(Exception error) {
        try {
            for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
                if (detail.is(ErrorInfo.class) && detail.unpack(ErrorInfo.class).getDomain().equals(DOMAIN)) {
                    return detail.unpack(ErrorInfo.class);
                }
            }
        } catch (InvalidProtocolBufferException | IllegalArgumentException mangled) {
            return null; // What cannot be read tells no reason; the code remains.
        }
        return null;
    }

    private static ArgosyException byReason(Refusal refusal) {
        ErrorReason reason;
        try {
            reason = ErrorReason.valueOf(PREFIX + refusal.reason());
        } catch (IllegalArgumentException unknown) { // a server newer than this client
            return byCode(refusal);
        }
        return byReason(reason, refusal);
    }

    /** Has no default branch: a reason that is new in the protos does not compile until it has its class. */
    static ArgosyException byReason(ErrorReason reason, Refusal refusal) {
        return switch (reason) {
            case ERROR_REASON_INVALID_FIELD -> new ArgosyException.InvalidField(refusal);
            case ERROR_REASON_INVALID_STREAM -> new ArgosyException.InvalidStream(refusal);
            case ERROR_REASON_DIGEST_MISMATCH -> new ArgosyException.DigestMismatch(refusal);
            case ERROR_REASON_REQUEST_ID_REUSED -> new ArgosyException.RequestIdReused(refusal);
            case ERROR_REASON_LIMIT_EXCEEDED -> new ArgosyException.LimitExceeded(refusal);
            case ERROR_REASON_BLOB_CORRUPT -> new ArgosyException.BlobCorrupt(refusal);
            case ERROR_REASON_WRITE_PAST_END -> new ArgosyException.WritePastEnd(refusal);
            case ERROR_REASON_READ_PAST_END -> new ArgosyException.ReadPastEnd(refusal);
            case ERROR_REASON_VERSION_EXISTS -> new ArgosyException.VersionExists(refusal);
            case ERROR_REASON_RUN_EXISTS -> new ArgosyException.RunExists(refusal);
            case ERROR_REASON_ARTIFACT_NOT_FOUND -> new ArgosyException.ArtifactNotFound(refusal);
            case ERROR_REASON_BLOB_NOT_FOUND -> new ArgosyException.BlobNotFound(refusal);
            case ERROR_REASON_UPLOAD_NOT_FOUND -> new ArgosyException.UploadNotFound(refusal);
            case ERROR_REASON_RUN_NOT_FOUND -> new ArgosyException.RunNotFound(refusal);
            case ERROR_REASON_BLOB_MISSING -> new ArgosyException.BlobMissing(refusal);
            case ERROR_REASON_VERSION_IN_USE -> new ArgosyException.VersionInUse(refusal);
            case ERROR_REASON_ILLEGAL_TRANSITION -> new ArgosyException.IllegalTransition(refusal);
            case ERROR_REASON_ETAG_MISMATCH -> new ArgosyException.EtagMismatch(refusal);
            case ERROR_REASON_SUPERSEDED -> new ArgosyException.Superseded(refusal);
            case ERROR_REASON_LEASE_EXPIRED -> new ArgosyException.LeaseExpired(refusal);
            case ERROR_REASON_CURSOR_EXPIRED -> new ArgosyException.CursorExpired(refusal);
            case ERROR_REASON_STORAGE_FULL -> new ArgosyException.StorageFull(refusal);
            case ERROR_REASON_TOO_MUCH -> new ArgosyException.TooMuch(refusal);
            case ERROR_REASON_STORAGE_UNAVAILABLE -> new ArgosyException.StorageUnavailable(refusal);
            case ERROR_REASON_DRAINING -> new ArgosyException.Draining(refusal);
            case ERROR_REASON_INTERNAL -> new ArgosyException.Internal(refusal);
            case ERROR_REASON_DIRECT_ACCESS_REFUSED -> new ArgosyException.DirectAccessRefused(refusal);
            case ERROR_REASON_WATCH_STALLED -> new ArgosyException.WatchStalled(refusal);
            case ERROR_REASON_SIGNED_TRANSFERS_REFUSED -> new ArgosyException.SignedTransfersRefused(refusal);
            case ERROR_REASON_UNSPECIFIED, UNRECOGNIZED -> byCode(refusal);
        };
    }

    private static ArgosyException byCode(Refusal refusal) {
        return switch (refusal.code()) {
            case NOT_FOUND -> new ArgosyException.NotFound(refusal);
            case ALREADY_EXISTS -> new ArgosyException.AlreadyExists(refusal);
            case INVALID_ARGUMENT -> new ArgosyException.InvalidRequest(refusal);
            case OUT_OF_RANGE -> new ArgosyException.OutOfRange(refusal);
            case FAILED_PRECONDITION -> new ArgosyException.FailedPrecondition(refusal);
            case ABORTED -> new ArgosyException.Aborted(refusal);
            case RESOURCE_EXHAUSTED -> new ArgosyException.Exhausted(refusal);
            case UNAVAILABLE -> new ArgosyException.Unavailable(refusal);
            case PERMISSION_DENIED -> new ArgosyException.PermissionDenied(refusal);
            case DATA_LOSS -> new ArgosyException.DataLoss(refusal);
            case DEADLINE_EXCEEDED -> new ArgosyException.DeadlineExceeded(refusal);
            case OK, CANCELLED, UNKNOWN, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED ->
                new ArgosyException.Unexpected(refusal);
        };
    }
}
