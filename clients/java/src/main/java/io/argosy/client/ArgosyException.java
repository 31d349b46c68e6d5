package io.argosy.client;

import io.grpc.Status;
import java.io.Serializable;
import java.util.Map;

/**
 * The base of everything this client throws on its own account.
 *
 * <p>What a server refuses arrives as the nested class that bears the name of the reason: {@link VersionExists} for
 * {@code VERSION_EXISTS}, as {@link io.argosy.v1.ErrorReason} tells it. Programs decide by the class, or by
 * {@link #reason()} and {@link #metadata()}, never by the text of the message.
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

    /** Returns the error of an argument or variable that breaks a rule; the message names it and the cure. */
    static InvalidSetting invalidSetting(String message) {
        return new InvalidSetting(Refusal.of(Status.Code.INVALID_ARGUMENT, message, null));
    }

    /** Returns the error of an argument no server need be asked about; the message names the cure. */
    static InvalidRequest invalidRequest(String message) {
        return new InvalidRequest(Refusal.of(Status.Code.INVALID_ARGUMENT, message, null));
    }

    /** Returns the same refusal of a codec, which knows no names, with the artifact it is about. */
    final Refusal about(String what) {
        return Refusal.of(code(), what + ": " + getMessage(), this);
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
    public static class NotFound extends ArgosyException { NotFound(Refusal r) { super(r); } }
    public static final class ArtifactNotFound extends NotFound { ArtifactNotFound(Refusal r) { super(r); } }
    public static final class BlobNotFound extends NotFound { BlobNotFound(Refusal r) { super(r); } }
    public static final class UploadNotFound extends NotFound { UploadNotFound(Refusal r) { super(r); } }
    public static final class RunNotFound extends NotFound { RunNotFound(Refusal r) { super(r); } }

    /** The name is taken. */
    public static class AlreadyExists extends ArgosyException { AlreadyExists(Refusal r) { super(r); } }
    public static final class VersionExists extends AlreadyExists { VersionExists(Refusal r) { super(r); } }
    public static final class RunExists extends AlreadyExists { RunExists(Refusal r) { super(r); } }

    /** The request breaks a rule; repeating it does not help. */
    public static class InvalidRequest extends ArgosyException { InvalidRequest(Refusal r) { super(r); } }
    public static final class InvalidField extends InvalidRequest { InvalidField(Refusal r) { super(r); } }
    public static final class InvalidStream extends InvalidRequest { InvalidStream(Refusal r) { super(r); } }
    public static final class DigestMismatch extends InvalidRequest { DigestMismatch(Refusal r) { super(r); } }
    public static final class RequestIdReused extends InvalidRequest { RequestIdReused(Refusal r) { super(r); } }
    public static final class LimitExceeded extends InvalidRequest { LimitExceeded(Refusal r) { super(r); } }

    /** A position lies outside of what there is. */
    public static class OutOfRange extends ArgosyException { OutOfRange(Refusal r) { super(r); } }
    public static final class WritePastEnd extends OutOfRange { WritePastEnd(Refusal r) { super(r); } }
    public static final class ReadPastEnd extends OutOfRange { ReadPastEnd(Refusal r) { super(r); } }
    public static final class CursorExpired extends OutOfRange { CursorExpired(Refusal r) { super(r); } }

    /** The state of the store does not allow it. */
    public static class FailedPrecondition extends ArgosyException { FailedPrecondition(Refusal r) { super(r); } }
    public static final class BlobMissing extends FailedPrecondition { BlobMissing(Refusal r) { super(r); } }
    public static final class VersionInUse extends FailedPrecondition { VersionInUse(Refusal r) { super(r); } }
    public static final class IllegalTransition extends FailedPrecondition {
        IllegalTransition(Refusal r) { super(r); }
    }

    /** Somebody else was first. */
    public static class Aborted extends ArgosyException { Aborted(Refusal r) { super(r); } }
    public static final class EtagMismatch extends Aborted { EtagMismatch(Refusal r) { super(r); } }
    public static final class Superseded extends Aborted { Superseded(Refusal r) { super(r); } }
    public static final class LeaseExpired extends Aborted { LeaseExpired(Refusal r) { super(r); } }
    public static final class WatchStalled extends Aborted { WatchStalled(Refusal r) { super(r); } }

    /** A limit of the server is reached. */
    public static class Exhausted extends ArgosyException { Exhausted(Refusal r) { super(r); } }
    public static final class StorageFull extends Exhausted { StorageFull(Refusal r) { super(r); } }
    public static final class TooMuch extends Exhausted { TooMuch(Refusal r) { super(r); } }

    /** No server answers now; trying again later may help. */
    public static class Unavailable extends ArgosyException { Unavailable(Refusal r) { super(r); } }
    public static final class StorageUnavailable extends Unavailable { StorageUnavailable(Refusal r) { super(r); } }
    public static final class Draining extends Unavailable { Draining(Refusal r) { super(r); } }

    /** The caller may not do this. */
    public static class PermissionDenied extends ArgosyException { PermissionDenied(Refusal r) { super(r); } }
    public static final class DirectAccessRefused extends PermissionDenied {
        DirectAccessRefused(Refusal r) { super(r); }
    }
    public static final class SignedTransfersRefused extends PermissionDenied {
        SignedTransfersRefused(Refusal r) { super(r); }
    }

    /** Bytes do not have their digest; none of them was handed out as a value. */
    public static class DataLoss extends ArgosyException { DataLoss(Refusal r) { super(r); } }
    public static final class BlobCorrupt extends DataLoss { BlobCorrupt(Refusal r) { super(r); } }

    /** A call took too long, or a transfer stood still. */
    public static final class DeadlineExceeded extends ArgosyException { DeadlineExceeded(Refusal r) { super(r); } }

    /** The caller gave up: its Context was cancelled, or its thread interrupted. */
    public static final class Cancelled extends ArgosyException { Cancelled(Refusal r) { super(r); } }

    /** The server speaks no revision of the protocol that this client speaks. */
    public static final class IncompatibleServer extends ArgosyException { IncompatibleServer(Refusal r) { super(r); } }

    /** An argument or a variable of the environment is malformed; the message names it and the rule. */
    public static final class InvalidSetting extends ArgosyException { InvalidSetting(Refusal r) { super(r); } }

    /** No codec of this client reads or writes it; the message names the format and the cure. */
    public static final class UnsupportedFormat extends ArgosyException { UnsupportedFormat(Refusal r) { super(r); } }

    /** Files that arrived whole do not obey their format, or a value cannot be kept by it. */
    public static final class MalformedContent extends ArgosyException { MalformedContent(Refusal r) { super(r); } }

    /** Any other end of a call; {@link #code()} tells which. {@link Internal} is a defect of the service. */
    public static class Unexpected extends ArgosyException { Unexpected(Refusal r) { super(r); } }
    public static final class Internal extends Unexpected { Internal(Refusal r) { super(r); } }
}
