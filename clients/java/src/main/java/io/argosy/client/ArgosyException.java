package io.argosy.client;

import io.grpc.Status;
import java.io.Serializable;
import java.util.Map;

/**
 * The base of everything this client throws on its own account.
 *
 * <p>What a server refuses arrives as the nested class that bears the name of the reason: {@link VersionExists} for
 * {@code VERSION_EXISTS}. Programs decide by the class, or by {@link #reason()} and {@link #metadata()}, never by the
 * text of the message.
 *
 * <pre>
 * ArgosyException
 *   NotFound           ArtifactNotFound, BlobNotFound, UploadNotFound, RunNotFound
 *   AlreadyExists      VersionExists, RunExists
 *   InvalidRequest     InvalidField, InvalidStream, DigestMismatch, RequestIdReused, LimitExceeded
 *   OutOfRange         WritePastEnd, ReadPastEnd, CursorExpired
 *   FailedPrecondition BlobMissing, VersionInUse, IllegalTransition
 *   Aborted            EtagMismatch, Superseded, LeaseExpired, WatchStalled
 *   Exhausted          StorageFull, TooMuch
 *   Unavailable        StorageUnavailable, Draining; itself: no server could be reached
 *   PermissionDenied   DirectAccessRefused, SignedTransfersRefused
 *   DataLoss           BlobCorrupt; itself: bytes that arrived do not have their digest
 *   DeadlineExceeded   a call took too long, or a transfer stood still
 *   Cancelled          the caller's Context was cancelled, or its thread interrupted
 *   IncompatibleServer the server speaks other revisions of the protocol
 *   InvalidSetting     an argument of the builder or a variable of the environment is malformed
 *   UnsupportedFormat  no codec of this client reads or writes the format or value
 *   MalformedContent   files that arrived whole do not obey their format
 *   Unexpected         any other status, such as INTERNAL or UNAUTHENTICATED: see code()
 * </pre>
 */
public abstract class ArgosyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Refusal refusal;

    ArgosyException(Refusal refusal) {
        super(refusal.message(), refusal.cause());
        this.refusal = refusal;
    }

    /** Returns the error of a codec whose files or value break a rule; the message names it and the cure. */
    public static MalformedContent malformed(String message, Throwable cause) {
        return new MalformedContent(Refusal.of(Status.Code.INVALID_ARGUMENT, message, cause));
    }

    /** Returns the error of a format or value no codec is for; the message names it and the cure. */
    public static UnsupportedFormat unsupported(String message) {
        return new UnsupportedFormat(Refusal.of(Status.Code.UNIMPLEMENTED, message, null));
    }

    /** Returns the status code of gRPC that goes with it. */
    public final Status.Code code() {
        return refusal.code();
    }

    /**
     * Returns the name of the {@code ErrorReason} without its prefix ({@code "VERSION_EXISTS"}); empty when no Argosy
     * server spoke.
     */
    public final String reason() {
        return refusal.reason();
    }

    /** Returns what programs may need beside the reason, such as {@code committed_size}. */
    public final Map<String, String> metadata() {
        return refusal.metadata();
    }

    /** What a refusal says; a reason is empty where the status came from gRPC or from this client. */
    record Refusal(Status.Code code, String reason, String message, Map<String, String> metadata, Throwable cause)
            implements Serializable {
        private static final long serialVersionUID = 1L;

        Refusal {
            metadata = Map.copyOf(metadata);
        }

        /** What this client finds by itself. */
        static Refusal of(Status.Code code, String message, Throwable cause) {
            return new Refusal(code, "", message, Map.of(), cause);
        }
    }

    /** Nothing of this name, or it expired. */
    public static class NotFound extends ArgosyException {
        NotFound(Refusal refusal) { super(refusal); }
    }

    /** No such artifact, version, alias or tag; metadata {@code near} lists similar names. */
    public static final class ArtifactNotFound extends NotFound {
        ArtifactNotFound(Refusal refusal) { super(refusal); }
    }

    /** No such blob in this project. */
    public static final class BlobNotFound extends NotFound {
        BlobNotFound(Refusal refusal) { super(refusal); }
    }

    /** No such upload, or it expired. */
    public static final class UploadNotFound extends NotFound {
        UploadNotFound(Refusal refusal) { super(refusal); }
    }

    /** No such run or step run. */
    public static final class RunNotFound extends NotFound {
        RunNotFound(Refusal refusal) { super(refusal); }
    }

    /** The name is taken. */
    public static class AlreadyExists extends ArgosyException {
        AlreadyExists(Refusal refusal) { super(refusal); }
    }

    /** The artifact has a version with this label already. */
    public static final class VersionExists extends AlreadyExists {
        VersionExists(Refusal refusal) { super(refusal); }
    }

    /** A run of this name exists in the project. */
    public static final class RunExists extends AlreadyExists {
        RunExists(Refusal refusal) { super(refusal); }
    }

    /** The request breaks a rule; repeating it does not help. */
    public static class InvalidRequest extends ArgosyException {
        InvalidRequest(Refusal refusal) { super(refusal); }
    }

    /** A field is malformed; the message names it. */
    public static final class InvalidField extends InvalidRequest {
        InvalidField(Refusal refusal) { super(refusal); }
    }

    /** The messages of a stream came in an order the call does not allow. */
    public static final class InvalidStream extends InvalidRequest {
        InvalidStream(Refusal refusal) { super(refusal); }
    }

    /** The bytes received do not have the digest or size that was declared; nothing became visible. */
    public static final class DigestMismatch extends InvalidRequest {
        DigestMismatch(Refusal refusal) { super(refusal); }
    }

    /** This request_id was used before, with another body. */
    public static final class RequestIdReused extends InvalidRequest {
        RequestIdReused(Refusal refusal) { super(refusal); }
    }

    /** More files, bytes or items than the capabilities allow. */
    public static final class LimitExceeded extends InvalidRequest {
        LimitExceeded(Refusal refusal) { super(refusal); }
    }

    /** A position lies outside of what there is. */
    public static class OutOfRange extends ArgosyException {
        OutOfRange(Refusal refusal) { super(refusal); }
    }

    /** A write starts beyond what is stored; metadata {@code committed_size}. */
    public static final class WritePastEnd extends OutOfRange {
        WritePastEnd(Refusal refusal) { super(refusal); }
    }

    /** A read starts beyond the end; metadata {@code size}. */
    public static final class ReadPastEnd extends OutOfRange {
        ReadPastEnd(Refusal refusal) { super(refusal); }
    }

    /** The cursor or page token is too old or from another store: list what there is and begin anew. */
    public static final class CursorExpired extends OutOfRange {
        CursorExpired(Refusal refusal) { super(refusal); }
    }

    /** The state of the store does not allow it. */
    public static class FailedPrecondition extends ArgosyException {
        FailedPrecondition(Refusal refusal) { super(refusal); }
    }

    /** A file refers to a blob the project does not have. */
    public static final class BlobMissing extends FailedPrecondition {
        BlobMissing(Refusal refusal) { super(refusal); }
    }

    /** A run made or used this version, or an alias points at it; deletion needs force. */
    public static final class VersionInUse extends FailedPrecondition {
        VersionInUse(Refusal refusal) { super(refusal); }
    }

    /** The state of the run, step run or upload does not allow this. */
    public static final class IllegalTransition extends FailedPrecondition {
        IllegalTransition(Refusal refusal) { super(refusal); }
    }

    /** Somebody else was first. */
    public static class Aborted extends ArgosyException {
        Aborted(Refusal refusal) { super(refusal); }
    }

    /** The etag is not the current one; read again and retry. */
    public static final class EtagMismatch extends Aborted {
        EtagMismatch(Refusal refusal) { super(refusal); }
    }

    /** Another stream or attempt took over this upload or step. */
    public static final class Superseded extends Aborted {
        Superseded(Refusal refusal) { super(refusal); }
    }

    /** The lease of the run expired; a late completion is refused. */
    public static final class LeaseExpired extends Aborted {
        LeaseExpired(Refusal refusal) { super(refusal); }
    }

    /** A watcher took nothing of its stream for too long; it goes on from its last cursor. */
    public static final class WatchStalled extends Aborted {
        WatchStalled(Refusal refusal) { super(refusal); }
    }

    /** A limit of the server is reached. */
    public static class Exhausted extends ArgosyException {
        Exhausted(Refusal refusal) { super(refusal); }
    }

    /** The disk or a quota is full; reading still works. */
    public static final class StorageFull extends Exhausted {
        StorageFull(Refusal refusal) { super(refusal); }
    }

    /** Too many calls at once, or a message over the limit. */
    public static final class TooMuch extends Exhausted {
        TooMuch(Refusal refusal) { super(refusal); }
    }

    /** No server answers now; trying again later may help. */
    public static class Unavailable extends ArgosyException {
        Unavailable(Refusal refusal) { super(refusal); }
    }

    /** Database or storage of the server cannot be reached now. */
    public static final class StorageUnavailable extends Unavailable {
        StorageUnavailable(Refusal refusal) { super(refusal); }
    }

    /** This server is shutting down; another replica, or this one later, will answer. */
    public static final class Draining extends Unavailable {
        Draining(Refusal refusal) { super(refusal); }
    }

    /** The caller may not do this. */
    public static class PermissionDenied extends ArgosyException {
        PermissionDenied(Refusal refusal) { super(refusal); }
    }

    /** The client may not read or write files of the store itself. */
    public static final class DirectAccessRefused extends PermissionDenied {
        DirectAccessRefused(Refusal refusal) { super(refusal); }
    }

    /** The server signs no URLs of its object store. */
    public static final class SignedTransfersRefused extends PermissionDenied {
        SignedTransfersRefused(Refusal refusal) { super(refusal); }
    }

    /** Bytes do not have their digest; none of them was handed out as a value. */
    public static class DataLoss extends ArgosyException {
        DataLoss(Refusal refusal) { super(refusal); }
    }

    /** Stored bytes are damaged. Saving the same value again repairs them. */
    public static final class BlobCorrupt extends DataLoss {
        BlobCorrupt(Refusal refusal) { super(refusal); }
    }

    /** A call took too long, or a transfer stood still. */
    public static final class DeadlineExceeded extends ArgosyException {
        DeadlineExceeded(Refusal refusal) { super(refusal); }
    }

    /** The caller gave up: its Context was cancelled, or its thread interrupted. */
    public static final class Cancelled extends ArgosyException {
        Cancelled(Refusal refusal) { super(refusal); }
    }

    /** The server speaks no revision of the protocol that this client speaks. */
    public static final class IncompatibleServer extends ArgosyException {
        IncompatibleServer(Refusal refusal) { super(refusal); }
    }

    /** An argument or a variable of the environment is malformed; the message names it and the rule. */
    public static final class InvalidSetting extends ArgosyException {
        InvalidSetting(Refusal refusal) { super(refusal); }
    }

    /** No codec of this client reads or writes it; the message names the format and the cure. */
    public static final class UnsupportedFormat extends ArgosyException {
        UnsupportedFormat(Refusal refusal) { super(refusal); }
    }

    /** Files that arrived whole do not obey their format, or a value cannot be kept by it. */
    public static final class MalformedContent extends ArgosyException {
        MalformedContent(Refusal refusal) { super(refusal); }
    }

    /** Any other end of a call; {@link #code()} tells which. {@link Internal} is a defect of the service. */
    public static class Unexpected extends ArgosyException {
        Unexpected(Refusal refusal) { super(refusal); }
    }

    /** A defect of the service; its log has the request id. */
    public static final class Internal extends Unexpected {
        Internal(Refusal refusal) { super(refusal); }
    }
}
