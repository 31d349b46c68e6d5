package argosy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"google.golang.org/grpc"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// quietLimit is after which a watch that brought nothing is taken for broken; the server says
// something every 15 seconds.
const quietLimit = 45 * time.Second

// Event is one change of an artifact.
type Event struct {
	*argosyv1.ArtifactEvent
	// Cursor stands for this event and all before it. Keep it after the event was dealt with, and
	// watch from it after a restart.
	Cursor Cursor
}

// Watch is a subscription that outlives broken connections and restarted servers: each event comes
// once and in order. One goroutine takes events at a time.
type Watch struct {
	client  *Client
	request *argosyv1.WatchArtifactsRequest
	caller  context.Context
	ctx     context.Context
	cancel  context.CancelFunc
	tries   tries
	guarded context.Context
	guard   *idle
	stream  grpc.ServerStreamingClient[argosyv1.WatchArtifactsResponse]
}

// Watch begins to watch: an artifact, or for an empty name all of the project. Whatever happens
// after it has returned is told. Without a [Cursor] it begins now, with one after what that stands
// for; [ErrCursorExpired] says that this is gone.
func (c *Client) Watch(ctx context.Context, name string, options ...WatchOption) (*Watch, error) {
	request := &argosyv1.WatchArtifactsRequest{Project: c.settings.project, Name: name}
	for _, option := range options {
		if err := option.narrow(request); err != nil {
			return nil, fmt.Errorf("watch %q: %w", name, err)
		}
	}
	if err := checkTexts(request); err != nil {
		return nil, fmt.Errorf("watch %q: %w", name, err)
	}
	own, cancel := context.WithCancel(ctx)
	w := &Watch{client: c, request: request, caller: ctx, ctx: own, cancel: cancel, tries: tries{most: callAttempts}}
	// The first message has a cursor and no event.
	for {
		_, err := w.receive(c.settings.unaryDeadline)
		if err == nil {
			w.tries = tries{most: math.MaxInt} // it has begun: a server that comes back is awaited, however late
			return w, nil
		}
		if mayPass(err) {
			err = w.tries.pause(own, err)
		}
		if err != nil {
			w.Close()
			return nil, fmt.Errorf("watch %q: %w", name, err)
		}
	}
}

// Cursor stands for all that was told so far.
func (w *Watch) Cursor() Cursor { return Cursor(w.request.GetCursor()) }

// Close ends the watch; any goroutine may do so.
func (w *Watch) Close() { w.cancel() }

// Next waits for the next event. It goes on for as long as it takes while the server is away, and
// fails when the context of the watch ends, the watch is closed, or the server refuses it for good.
func (w *Watch) Next() (*Event, error) {
	for {
		message, err := w.receive(quietLimit)
		if err == nil {
			w.tries.progressed()
			if message.GetEvent() != nil {
				return &Event{message.GetEvent(), Cursor(message.GetCursor())}, nil
			}
			continue
		}
		if mayPass(err) || errors.Is(err, ErrWatchStalled) {
			err = w.tries.pause(w.ctx, err)
		}
		if err != nil {
			return nil, fmt.Errorf("watch %q: %w", w.request.GetName(), err)
		}
	}
}

// All yields events until the watch ends, whose error comes last; closing the watch is no error.
func (w *Watch) All() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			event, err := w.Next()
			if err != nil && w.ctx.Err() != nil && w.caller.Err() == nil {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// receive takes the next message, on a new stream where there is none.
func (w *Watch) receive(limit time.Duration) (*argosyv1.WatchArtifactsResponse, error) {
	if w.stream == nil {
		w.guarded, w.guard = watchIdle(w.ctx, limit)
		stream, err := w.client.artifacts.WatchArtifacts(w.guarded, w.request)
		if err != nil {
			return nil, w.broken(err)
		}
		w.stream = stream
	}
	w.guard.limit = limit
	w.guard.arm()
	message, err := w.stream.Recv()
	w.guard.disarm()
	if err != nil {
		return nil, w.broken(err)
	}
	w.request.Cursor = message.GetCursor()
	return message, nil
}

func (w *Watch) broken(err error) error {
	failure := w.client.errorOf(w.ctx, w.guarded, err)
	w.guard.end()
	w.stream = nil
	return failure
}
