package argosy

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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
	if t.failed >= t.most || ctx.Err() != nil {
		return failure
	}
	longest := min(longestPause, firstPause<<t.failed)
	// Random, so that the clients of a server that comes back do not all come at the same moment.
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &Error{Code: codes.Canceled, Message: "the caller ended the call", cause: ctx.Err()}
	}
}

// mayPass tells whether the same call may go well the next time.
func mayPass(failure error) bool {
	var known *Error
	if !errors.As(failure, &known) || errors.Is(failure, context.Canceled) || errors.Is(failure, context.DeadlineExceeded) {
		return false
	}
	switch known.Code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	case codes.ResourceExhausted:
		return known.Reason == ErrTooMuch
	case codes.Internal, codes.Unknown: // a message that was cut in its middle, as grpc-go tells it
		return known.Reason == ""
	default:
		return false
	}
}

// unary makes a call with one request and one answer. It is repeated with the same request, whose
// request_id lets it count once, when its failure may pass.
func unary[Request, Answer any](
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
