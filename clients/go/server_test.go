package argosy_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/internal/testserver"
)

// shared is the server of all tests that do not harm theirs; the first one that needs it starts it.
var (
	shared   = &testserver.Server{Address: "127.0.0.1:0"}
	starting sync.Once
)

func sharedServer(t testing.TB) *testserver.Server {
	t.Helper()
	starting.Do(func() {
		data, err := os.MkdirTemp("", "argosy-go-test-*")
		if err != nil {
			t.Fatal(err)
		}
		shared.Data = data
		shared.Serve(t)
	})
	return shared
}

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Stop()
	_ = os.RemoveAll(shared.Data)
	os.Exit(code)
}

// connect returns a client of a project of its own.
func connect(t testing.TB, options ...argosy.ConnectOption) *argosy.Client {
	t.Helper()
	return connectTo(t, address(t), options...)
}

func connectTo(t testing.TB, address string, options ...argosy.ConnectOption) *argosy.Client {
	t.Helper()
	project := strings.Trim(strings.Map(func(letter rune) rune {
		if letter < 128 && (letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' || letter >= '0' && letter <= '9') {
			return letter
		}
		return '-'
	}, t.Name()), "-")
	options = append([]argosy.ConnectOption{
		argosy.WithServer("grpc://" + address), argosy.WithProject(project[:min(len(project), 64)]),
		argosy.WithConnectTimeout(20 * time.Second),
	}, options...)
	client, err := argosy.Connect(context.Background(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// freeAddress is one nobody listens on now.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// noise is content without repetitions, the same for the same seed.
func noise(seed byte, length int) []byte {
	content := make([]byte, length)
	state := uint64(seed)*0x9e3779b97f4a7c15 + 1
	for i := range content {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		content[i] = byte(state)
	}
	return content
}

// python runs code that uses the SDK against the project of a client, and returns what it printed.
func python(t testing.TB, client *argosy.Client, code string, arguments ...string) string {
	t.Helper()
	return sharedServer(t).Python(t, client.Project(), code, arguments...)
}

func address(t testing.TB) string {
	t.Helper()
	return sharedServer(t).Address
}

// must takes both results of a call and gives the first one to a test that cannot go on without it.
func must[Value any](value Value, err error) func(testing.TB) Value {
	return func(t testing.TB) Value {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func expect(t testing.TB, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
