package argosy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	argosy "example.com/argosy/clients/go"
)

const atOnce = 24

// calls counts the calls of a client, and lets before stop or end each of them.
type calls struct {
	singles, batches atomic.Int64
	before           func(ctx context.Context, method string) error
}

func (c *calls) intercept(
	ctx context.Context, method string, request, answer any, connection *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	switch path.Base(method) {
	case "GetArtifactVersion":
		c.singles.Add(1)
	case "BatchGetArtifactVersions":
		c.batches.Add(1)
	}
	if c.before != nil {
		if err := c.before(ctx, path.Base(method)); err != nil {
			return err
		}
	}
	return call(ctx, method, request, answer, connection, options...)
}

func (c *calls) option() argosy.ConnectOption {
	return argosy.WithDialOptions(grpc.WithChainUnaryInterceptor(c.intercept))
}

// contentOf is what is saved under the name of a number: some that come with the version, some too many for that.
func contentOf(number int) []byte {
	return bytes.Repeat([]byte{byte(number)}, []int{10, 100_000, 700_000, 1_200_000}[number%4])
}

func saveAll(t *testing.T, client *argosy.Client) {
	t.Helper()
	for number := range atOnce {
		if _, err := client.Save(t.Context(), fmt.Sprint("value ", number), contentOf(number)); err != nil {
			t.Fatal(err)
		}
	}
}

// loadAll loads all values at once, each in a goroutine.
func loadAll(t *testing.T, client *argosy.Client) {
	t.Helper()
	var working sync.WaitGroup
	for number := range atOnce {
		working.Go(func() {
			var value []byte
			if _, err := client.Load(t.Context(), fmt.Sprint("value ", number), &value); err != nil {
				t.Error(err)
			} else if !bytes.Equal(value, contentOf(number)) {
				t.Errorf("value %d is not what was saved", number)
			}
			var nothing []byte
			if _, err := client.Load(t.Context(), fmt.Sprint("absent ", number), &nothing); !errors.Is(err, argosy.ErrArtifactNotFound) {
				t.Errorf("absent %d: %v", number, err)
			}
		})
	}
	working.Wait()
}

func TestLoadsAtOnceAreJoinedAndEachGetsItsOwn(t *testing.T) {
	made := &calls{}
	client := connect(t, made.option())
	saveAll(t, client)
	for made.batches.Load() == 0 && !t.Failed() {
		loadAll(t, client)
	}
}

func TestOneLoadIsOneSimpleCall(t *testing.T) {
	made := &calls{}
	client := connect(t, made.option())
	if _, err := client.Save(t.Context(), "text", "hello"); err != nil {
		t.Fatal(err)
	}
	var text string
	if _, err := client.Load(t.Context(), "text", &text); err != nil || text != "hello" {
		t.Fatal(text, err)
	}
	if made.singles.Load() != 1 || made.batches.Load() != 0 {
		t.Errorf("%d simple calls and %d batches", made.singles.Load(), made.batches.Load())
	}
}

func TestAServerWithoutBatchesIsAskedForOneOnlyUntilItSaysSo(t *testing.T) {
	made := &calls{before: func(_ context.Context, method string) error {
		if method == "BatchGetArtifactVersions" {
			return status.Error(codes.Unimplemented, "unknown method")
		}
		return nil
	}}
	client := connect(t, made.option())
	saveAll(t, client)
	for made.batches.Load() == 0 && !t.Failed() {
		loadAll(t, client)
	}
	before := made.batches.Load()
	loadAll(t, client)
	if after := made.batches.Load(); after != before {
		t.Errorf("%d more batches were tried", after-before)
	}
}

func TestABatchThatFailsIsNoFailureOfItsLoads(t *testing.T) {
	made := &calls{before: func(_ context.Context, method string) error {
		if method == "BatchGetArtifactVersions" {
			return status.Error(codes.Unavailable, "cut")
		}
		return nil
	}}
	client := connect(t, made.option())
	saveAll(t, client)
	for made.batches.Load() == 0 && !t.Failed() {
		loadAll(t, client)
	}
}

func TestCallsThatHangHoldNobodyElseUp(t *testing.T) {
	var held atomic.Int64
	made := &calls{before: func(ctx context.Context, method string) error {
		if method == "GetArtifactVersion" && held.Add(1) <= 2 {
			<-ctx.Done()
			return status.FromContextError(ctx.Err()).Err()
		}
		return nil
	}}
	client := connect(t, made.option())
	if _, err := client.Save(t.Context(), "text", "hello"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var hanging sync.WaitGroup
	for range 2 {
		hanging.Go(func() {
			var text string
			if _, err := client.Load(ctx, "text", &text); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for held.Load() < 2 && !t.Failed() {
		runtime.Gosched()
	}
	var text string
	if _, err := client.Load(t.Context(), "text", &text); err != nil || text != "hello" {
		t.Error(text, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := client.Load(ended, "text", &text); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	cancel()
	hanging.Wait()
}

func TestALoadWithMetadataOfItsOwnIsNotJoined(t *testing.T) {
	var seen sync.Map
	made := &calls{before: func(ctx context.Context, method string) error {
		sent, _ := metadata.FromOutgoingContext(ctx)
		if caller := sent.Get("caller"); method == "GetArtifactVersion" && len(caller) == 1 {
			seen.Store(caller[0], true)
		}
		return nil
	}}
	client := connect(t, made.option())
	saveAll(t, client)
	var working sync.WaitGroup
	for number := range atOnce {
		working.Go(func() {
			var value []byte
			ctx := metadata.AppendToOutgoingContext(t.Context(), "caller", fmt.Sprint(number))
			if _, err := client.Load(ctx, fmt.Sprint("value ", number), &value); err != nil {
				t.Error(err)
			}
		})
	}
	working.Wait()
	for number := range atOnce {
		if _, found := seen.Load(fmt.Sprint(number)); !found {
			t.Errorf("the metadata of load %d was not sent", number)
		}
	}
	if made.batches.Load() != 0 {
		t.Error("some were joined")
	}
}
