package argosy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
)

const (
	// transferAttempts is how often a transfer is tried without a byte of progress.
	transferAttempts = 8
	// callAttempts is how often a simple call is tried, for whose answer somebody waits.
	callAttempts = 4
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// tries counts the attempts of one thing and waits between them.
type tries struct {
	most   int
	failed int
}

// progressed says that something arrived since the last failure.
func (t *tries) progressed() { t.failed = 0 }

// pause waits before the next attempt after a failure that may pass; it returns the failure when
// there were enough, or the context's error.
func (t *tries) pause(ctx context.Context, failure error) error {
	t.failed++
	if t.failed >= t.most {
		return failure
	}
	longest := min(longestPause, firstPause<<min(t.failed, transferAttempts))
	// Random, so that the clients of a server that comes back do not all come at the same moment.
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return endedBy(ctx, failure)
	}
}

// endedBy is the error of a call whose caller ended it, after a failure that might have passed.
func endedBy(caller context.Context, failure error) *Error {
	ended := &Error{Code: status.FromContextError(caller.Err()).Code(), Message: "the caller ended the call", cause: caller.Err()}
	if failure != nil {
		ended.Message += "; the last failure was: " + strings.TrimPrefix(failure.Error(), "argosy: ")
	}
	return ended
}

// mayPass tells whether the same call may go well the next time.
func mayPass(failure error) bool {
	var known *Error
	isEnded := errors.Is(failure, context.Canceled) || errors.Is(failure, context.DeadlineExceeded) || errors.Is(failure, ErrClosed)
	if isEnded || !errors.As(failure, &known) {
		return false
	}
	switch known.Code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	case codes.ResourceExhausted:
		return known.Reason == ErrTooMuch || known.Reason == "" // grpc itself refuses calls over its limit
	case codes.Internal, codes.Unknown: // a message that was cut in its middle, as grpc-go tells it
		return known.Reason == ""
	default:
		return false
	}
}

// unary makes a call with one request and one answer. It is repeated with the same request, whose
// request_id lets it count once, when its failure may pass.
func unary[Request proto.Message, Answer any](
	ctx context.Context, c *Client, attempts int,
	call func(context.Context, Request, ...grpc.CallOption) (Answer, error), request Request,
) (Answer, error) {
	tries := tries{most: attempts}
	for {
		limited, cancel := context.WithTimeout(ctx, c.settings.unaryDeadline)
		answer, err := call(limited, request)
		cancel()
		if err == nil {
			return answer, nil
		}
		failure := c.errorOf(ctx, ctx, err)
		if wrong := checkTexts(request); wrong != nil {
			return answer, wrong // grpc-go calls it Internal, as it does what may pass
		}
		var known *Error
		isLate := errors.As(failure, &known) && known.Code == codes.DeadlineExceeded
		if !mayPass(failure) || attempts < transferAttempts && isLate {
			return answer, failure
		}
		if err := tries.pause(ctx, failure); err != nil {
			return answer, err
		}
	}
}

// checkTexts refuses a request with text that is not UTF-8, which no message can carry.
func checkTexts(request proto.Message) error {
	var wrong error
	_ = protorange.Range(request.ProtoReflect(), func(found protopath.Values) error { // it only returns Terminate
		if text, ok := found.Index(-1).Value.Interface().(string); ok && !utf8.ValidString(text) {
			field := strings.TrimPrefix(found.Path[1:].String(), ".")
			wrong = &Error{Code: codes.InvalidArgument, Reason: ErrInvalidField, Message: fmt.Sprintf("%s is %q, which is not UTF-8", field, text)}
			return protorange.Terminate
		}
		return nil
	})
	return wrong
}

// idle gives up a stream that makes no progress. It counts only while it is armed.
type idle struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// watchIdle returns the context of a stream and its guard. Ending the guard ends the stream.
func watchIdle(ctx context.Context, limit time.Duration) (context.Context, *idle) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(errStalled) })
	return ctx, &idle{limit, timer, cancel}
}

func (i *idle) arm()    { i.timer.Reset(i.limit) }
func (i *idle) disarm() { i.timer.Stop() }

func (i *idle) end() {
	i.timer.Stop()
	i.cancel(nil)
}
