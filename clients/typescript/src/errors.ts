/**
 * Every error the client makes on purpose.
 *
 *     ArgosyError
 *     ├── ConfigurationError     a setting is missing, malformed or contradictory
 *     ├── ProtocolRevisionError  the server is older or newer than this client
 *     ├── FormatError            a value does not fit a format, or stored files do not
 *     ├── CorruptDataError       bytes are not the ones the store has a digest for; never a value
 *     ├── ClientClosedError      close() was called
 *     ├── StalledError           a transfer made no progress for the idle timeout
 *     └── ServiceError           the service refused, or could not be reached
 *         └── one class for each ErrorReason: VersionExistsError, ArtifactNotFoundError, …
 *
 * Programs decide by class, `reason` and `metadata`, never by the text.
 */
import { status } from "@grpc/grpc-js";

import { ErrorReason } from "./gen/argosy/v1/errors.js";

/** Base of every error Argosy makes on purpose. */
export class ArgosyError extends Error {
  /** Name of the gRPC status code it came with, such as `NOT_FOUND`; empty when no call made it. */
  readonly code: string = "";
  /** A name of ErrorReason without its prefix (`VERSION_EXISTS`), or empty. */
  readonly reason: string = "";
  /** What the service adds to the reason, for programs. */
  readonly metadata: Readonly<Record<string, string>> = {};

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A setting is missing, malformed or contradicts another. */
export class ConfigurationError extends ArgosyError {}

/** The server does not speak the revision of the protocol this client speaks. */
export class ProtocolRevisionError extends ArgosyError {}

/** A value cannot be kept in a format, or stored files cannot be read in it. */
export class FormatError extends ArgosyError {}

/** Bytes came that are not the ones the store has a digest for. */
export class CorruptDataError extends ArgosyError {}

/** The client was closed, before the call or while it was on its way. */
export class ClientClosedError extends ArgosyError {}

/** A transfer stood still for the idle timeout. */
export class StalledError extends ArgosyError {}

/** The service refused a request or could not be reached. */
export class ServiceError extends ArgosyError {
  override readonly code: string;
  override readonly reason: string;
  override readonly metadata: Readonly<Record<string, string>>;

  constructor(message: string, told: { code: number; reason?: string; metadata?: Record<string, string> }) {
    super(message);
    this.code = status[told.code] ?? String(told.code);
    this.reason = told.reason ?? "";
    this.metadata = told.metadata ?? {};
  }
}

export class InvalidFieldError extends ServiceError {}
export class InvalidStreamError extends ServiceError {}
export class DigestMismatchError extends ServiceError {}
export class RequestIdReusedError extends ServiceError {}
export class LimitExceededError extends ServiceError {}
export class BlobCorruptError extends ServiceError {}
export class WritePastEndError extends ServiceError {}
export class ReadPastEndError extends ServiceError {}
export class VersionExistsError extends ServiceError {}
export class RunExistsError extends ServiceError {}
export class ArtifactNotFoundError extends ServiceError {}
export class BlobNotFoundError extends ServiceError {}
export class UploadNotFoundError extends ServiceError {}
export class RunNotFoundError extends ServiceError {}
export class BlobMissingError extends ServiceError {}
export class VersionInUseError extends ServiceError {}
export class IllegalTransitionError extends ServiceError {}
export class EtagMismatchError extends ServiceError {}
export class SupersededError extends ServiceError {}
export class LeaseExpiredError extends ServiceError {}
export class CursorExpiredError extends ServiceError {}
export class StorageFullError extends ServiceError {}
export class TooMuchError extends ServiceError {}
export class StorageUnavailableError extends ServiceError {}
export class DrainingError extends ServiceError {}
export class InternalError extends ServiceError {}
export class DirectAccessRefusedError extends ServiceError {}
export class WatchStalledError extends ServiceError {}
export class SignedTransfersRefusedError extends ServiceError {}

type WithoutPrefix<Name> = Name extends `ERROR_REASON_${infer Reason}` ? Reason : never;
/** The reasons a service may give. */
export type Reason = Exclude<WithoutPrefix<keyof typeof ErrorReason>, "UNSPECIFIED">;

/** The class of each reason; a new one in the protos does not compile before it has a class. */
export const ERROR_CLASSES: Readonly<Record<Reason, typeof ServiceError>> = {
  INVALID_FIELD: InvalidFieldError,
  INVALID_STREAM: InvalidStreamError,
  DIGEST_MISMATCH: DigestMismatchError,
  REQUEST_ID_REUSED: RequestIdReusedError,
  LIMIT_EXCEEDED: LimitExceededError,
  BLOB_CORRUPT: BlobCorruptError,
  WRITE_PAST_END: WritePastEndError,
  READ_PAST_END: ReadPastEndError,
  VERSION_EXISTS: VersionExistsError,
  RUN_EXISTS: RunExistsError,
  ARTIFACT_NOT_FOUND: ArtifactNotFoundError,
  BLOB_NOT_FOUND: BlobNotFoundError,
  UPLOAD_NOT_FOUND: UploadNotFoundError,
  RUN_NOT_FOUND: RunNotFoundError,
  BLOB_MISSING: BlobMissingError,
  VERSION_IN_USE: VersionInUseError,
  ILLEGAL_TRANSITION: IllegalTransitionError,
  ETAG_MISMATCH: EtagMismatchError,
  SUPERSEDED: SupersededError,
  LEASE_EXPIRED: LeaseExpiredError,
  CURSOR_EXPIRED: CursorExpiredError,
  STORAGE_FULL: StorageFullError,
  TOO_MUCH: TooMuchError,
  STORAGE_UNAVAILABLE: StorageUnavailableError,
  DRAINING: DrainingError,
  INTERNAL: InternalError,
  DIRECT_ACCESS_REFUSED: DirectAccessRefusedError,
  WATCH_STALLED: WatchStalledError,
  SIGNED_TRANSFERS_REFUSED: SignedTransfersRefusedError,
};

/** Makes the error of a refusal; a reason that is newer than this client is a plain ServiceError. */
export function refusal(
  message: string,
  told: { code: number; reason?: string; metadata?: Record<string, string> },
): ServiceError {
  const reason = told.reason ?? "";
  const Class = Object.hasOwn(ERROR_CLASSES, reason) ? ERROR_CLASSES[reason as Reason] : ServiceError;
  return new Class(message, told);
}
