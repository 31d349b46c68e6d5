package argosy

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

const (
	// findsAtOnce is how many calls for versions are under way before others wait, to go together.
	findsAtOnce = 2
	// findPatience is how long one waits for that. A call to a server nearby takes a few milliseconds.
	findPatience = 20 * time.Millisecond
	// batchDeadline is for a batch; who gets nothing by then calls alone, and reaches another server perhaps.
	batchDeadline = 2 * time.Second
)

// joinedFinds makes one call of what many goroutines ask for at once, because a server answers a batch in
// little more time than a single request. It works as a group commit does: whoever asks while few calls are
// under way calls alone, as if there were nobody else; others wait for the first of these to end, and then go
// together. So nobody waits for others to come.
//
// A batch only brings what went well. Whoever it brings nothing, for whatever reason, calls alone then, so that
// errors, repetitions and deadlines are always those of a single call.
type joinedFinds struct {
	client   *Client
	mutex    sync.Mutex
	underWay int
	waiting  []*joinedFind
	// isOld is set for a server that knows no batches.
	isOld bool
}

// joinedFind is what one goroutine waits for.
type joinedFind struct {
	selector *argosyv1.VersionSelector
	// turn is closed when answer is settled; nil means that the one who waits calls alone.
	turn   chan struct{}
	answer *argosyv1.GetArtifactVersionResponse
}

// get asks for a version, and for its bytes when they are few.
func (j *joinedFinds) get(ctx context.Context, selector *argosyv1.VersionSelector) (*argosyv1.GetArtifactVersionResponse, error) {
	if _, hasOwn := metadata.FromOutgoingContext(ctx); hasOwn { // which goes with this call and no other
		return j.client.getVersion(ctx, selector, inlineBytes)
	}
	wanted := j.enter(selector)
	if wanted == nil {
		defer j.leave()
		return j.client.getVersion(ctx, selector, inlineBytes)
	}
	patience := time.AfterFunc(findPatience, func() { j.withdraw(wanted) })
	defer patience.Stop()
	select {
	case <-wanted.turn:
	case <-ctx.Done():
		j.withdraw(wanted)
		return nil, j.client.errorOf(ctx, ctx, ctx.Err())
	}
	if wanted.answer == nil {
		return j.client.getVersion(ctx, selector, inlineBytes)
	}
	return wanted.answer, nil
}

// enter returns nil for one who may call at once and leaves then, or what to wait for.
func (j *joinedFinds) enter(selector *argosyv1.VersionSelector) *joinedFind {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.isOld || j.underWay < findsAtOnce {
		j.underWay++
		return nil
	}
	wanted := &joinedFind{selector: selector, turn: make(chan struct{})}
	j.waiting = append(j.waiting, wanted)
	return wanted
}

// withdraw lets one who still waits go on alone.
func (j *joinedFinds) withdraw(wanted *joinedFind) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if at := slices.Index(j.waiting, wanted); at >= 0 {
		j.waiting = slices.Delete(j.waiting, at, at+1)
		close(wanted.turn)
	}
}

// leave ends a call, and lets those who wait go together in its place.
func (j *joinedFinds) leave() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if len(j.waiting) == 0 {
		j.underWay--
		return
	}
	most := max(int(j.client.capabilities.GetMaxBatchItems()), 1)
	batch := slices.Clone(j.waiting[:min(most, len(j.waiting))])
	j.waiting = slices.Delete(j.waiting, 0, len(batch))
	go func() {
		defer j.leave()
		j.call(batch)
	}()
}

// call asks for what some wait for, and gives each its turn.
func (j *joinedFinds) call(batch []*joinedFind) {
	request := &argosyv1.BatchGetArtifactVersionsRequest{Project: j.client.settings.project, MaxContentBytes: inlineBytes}
	for _, wanted := range batch {
		defer close(wanted.turn)
		request.Selectors = append(request.Selectors, wanted.selector)
	}
	// A context of its own: each who waits leaves when its own one ends.
	ctx, cancel := context.WithTimeout(context.Background(), min(batchDeadline, j.client.settings.unaryDeadline))
	defer cancel()
	answer, err := j.client.artifacts.BatchGetArtifactVersions(ctx, request)
	if status.Code(err) == codes.Unimplemented {
		j.mutex.Lock()
		j.isOld = true
		j.mutex.Unlock()
	}
	if len(answer.GetResults()) != len(batch) {
		return
	}
	for i, result := range answer.GetResults() {
		if result.GetStatus().GetCode() == int32(codes.OK) {
			batch[i].answer = &argosyv1.GetArtifactVersionResponse{
				ArtifactVersion: result.GetArtifactVersion(), Contents: result.GetContents(),
			}
		}
	}
}
