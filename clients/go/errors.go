package argosy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Error is a call that was refused or that broke.
type Error struct {
	// Code is the gRPC status code.
	Code codes.Code
	// Reason is why the server refused; empty where gRPC itself failed (no connection, a stream that was cut).
	Reason Reason
	// Message names the thing, the rule and the cure, for people.
	Message string
	// Metadata are facts for programs, such as "committed_size".
	Metadata map[string]string
	cause    error
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("argosy: %s (%s)", e.Message, e.Code)
	}
	return fmt.Sprintf("argosy: %s (%s)", e.Message, e.Reason)
}

// Is makes errors.Is(err, argosy.ErrVersionExists) work.
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Unwrap gives the error of the context where that ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Temporary tells whether the same call may go well later. The client has tried for a while by the
// time it returns such an error.
func (e *Error) Temporary() bool { return mayPass(e) }

// GRPCStatus lets status.FromError and status.Code of grpc-go see the code.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }

// Reason is why a server refused, a name of argosyv1.ErrorReason without its prefix. It is an error
// itself, for errors.Is.
type Reason string

func (r Reason) Error() string { return string(r) }

// The reasons, as argosyv1.ErrorReason documents them.
const (
	ErrInvalidField           Reason = "INVALID_FIELD"
	ErrInvalidStream          Reason = "INVALID_STREAM"
	ErrDigestMismatch         Reason = "DIGEST_MISMATCH"
	ErrRequestIDReused        Reason = "REQUEST_ID_REUSED"
	ErrLimitExceeded          Reason = "LIMIT_EXCEEDED"
	ErrBlobCorrupt            Reason = "BLOB_CORRUPT"
	ErrWritePastEnd           Reason = "WRITE_PAST_END"
	ErrReadPastEnd            Reason = "READ_PAST_END"
	ErrVersionExists          Reason = "VERSION_EXISTS"
	ErrRunExists              Reason = "RUN_EXISTS"
	ErrArtifactNotFound       Reason = "ARTIFACT_NOT_FOUND"
	ErrBlobNotFound           Reason = "BLOB_NOT_FOUND"
	ErrUploadNotFound         Reason = "UPLOAD_NOT_FOUND"
	ErrRunNotFound            Reason = "RUN_NOT_FOUND"
	ErrBlobMissing            Reason = "BLOB_MISSING"
	ErrVersionInUse           Reason = "VERSION_IN_USE"
	ErrIllegalTransition      Reason = "ILLEGAL_TRANSITION"
	ErrETagMismatch           Reason = "ETAG_MISMATCH"
	ErrSuperseded             Reason = "SUPERSEDED"
	ErrLeaseExpired           Reason = "LEASE_EXPIRED"
	ErrCursorExpired          Reason = "CURSOR_EXPIRED"
	ErrStorageFull            Reason = "STORAGE_FULL"
	ErrTooMuch                Reason = "TOO_MUCH"
	ErrStorageUnavailable     Reason = "STORAGE_UNAVAILABLE"
	ErrDraining               Reason = "DRAINING"
	ErrInternal               Reason = "INTERNAL"
	ErrDirectAccessRefused    Reason = "DIRECT_ACCESS_REFUSED"
	ErrWatchStalled           Reason = "WATCH_STALLED"
	ErrSignedTransfersRefused Reason = "SIGNED_TRANSFERS_REFUSED"
)

// ErrCorrupt says that bytes came which are not the ones the store has a digest for. What was
// received must not be used.
var ErrCorrupt = errors.New("argosy: received bytes do not match their digest")

// ErrClosed says that the client was closed, before the call or while it was on its way.
var ErrClosed = errors.New("argosy: the client was closed")

// FormatError says that a value is kept in a format this client, or the destination it shall be
// loaded into, cannot hold.
type FormatError struct {
	// Name, Version and Format are those of the artifact version.
	Name, Version, Format string
	// Cure is what to do about it.
	Cure string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("argosy: version %s of %q is in format %q: %s", e.Version, e.Name, e.Format, e.Cure)
}

// errStalled ends a stream that made no progress; it is never seen outside.
var errStalled = errors.New("no progress")

// errorOf turns what a call returned into an error of this package. The caller's context tells
// whether the caller ended it, the stream's whether it stood still.
func (c *Client) errorOf(caller, stream context.Context, err error) error {
	var known *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case caller.Err() != nil:
		return endedBy(caller, nil)
	case c.isClosed():
		return &Error{Code: codes.Canceled, Message: "the client was closed; connect anew", cause: ErrClosed}
	case errors.Is(context.Cause(stream), errStalled):
		message := fmt.Sprintf("the Argosy server at %s made no progress for %s", c.settings.server, c.settings.idleTimeout)
		return &Error{Code: codes.DeadlineExceeded, Message: message}
	case errors.Is(err, io.EOF):
		message := fmt.Sprintf("the stream from %s ended early", c.settings.server)
		return &Error{Code: codes.Unavailable, Message: message, cause: io.ErrUnexpectedEOF}
	}
	return c.fromStatus(status.Convert(err))
}

func (c *Client) fromStatus(state *status.Status) *Error {
	failure := &Error{Code: state.Code(), Message: state.Message()}
	for _, detail := range state.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == "argosy" {
				failure.Reason, failure.Metadata = Reason(detail.GetReason()), detail.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				if text := violation.GetField() + ": " + violation.GetDescription(); !strings.Contains(failure.Message, text) {
					failure.Message += "; " + text
				}
			}
		}
	}
	if failure.Reason == "" && failure.Code == codes.Unavailable {
		failure.Message = fmt.Sprintf("the Argosy server at %s cannot be reached: %s; start it with `argosy-server serve`, "+
			"or correct ARGOSY_SERVER", c.settings.server, failure.Message)
	}
	return failure
}

// errorOfItem is the error of one item of a batch, nil when it went well.
func errorOfItem(item *argosyv1.ItemStatus) error {
	if item.GetCode() == int32(codes.OK) {
		return nil
	}
	return &Error{Code: codes.Code(item.GetCode()), Reason: Reason(item.GetReason()), Message: item.GetMessage()}
}
