package argosy_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	argosy "example.com/argosy/clients/go"
)

// server is a real server in a process of its own.
type server struct {
	t       testing.TB
	data    string
	address string
	process *exec.Cmd
}

// program is the server of the repository's own environment, or the one ARGOSY_TEST_SERVER names.
func program(t testing.TB) string {
	t.Helper()
	if named := os.Getenv("ARGOSY_TEST_SERVER"); named != "" {
		return named
	}
	path, err := filepath.Abs("../../.venv/bin/argosy-server")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: these tests need a server; make it with `make dev`, or name one by ARGOSY_TEST_SERVER", err)
	}
	return path
}

// startServer starts one that is stopped at the end of the test.
func startServer(t testing.TB, arguments ...string) *server {
	t.Helper()
	s := &server{t: t, data: t.TempDir(), address: "127.0.0.1:0"}
	s.start(arguments...)
	t.Cleanup(s.stop)
	return s
}

// start begins to serve, at the same address as before where there was one.
func (s *server) start(arguments ...string) {
	s.t.Helper()
	command := append([]string{"serve", "--listen", s.address, "--data", s.data, "--log-level", "warning"}, arguments...)
	s.process = exec.Command(program(s.t), command...)
	s.process.Dir = s.data
	s.process.Stderr = os.Stderr
	// It ends with this process, also when that is killed.
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := s.process.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	_, found, ok := strings.Cut(strings.TrimSpace(line), "grpc://")
	if err != nil || !ok {
		s.t.Fatalf("the server says %q, %v", line, err)
	}
	s.address = found
}

// kill ends it as a crash would.
func (s *server) kill() {
	s.t.Helper()
	if err := s.process.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.process.Wait() // it was killed
}

func (s *server) stop() {
	if s.process.ProcessState != nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM) // one that is gone needs none
	_ = s.process.Wait()
}

// shared is the server of all tests that do not harm theirs.
var shared = sync.OnceValues(func() (*server, error) {
	data, err := os.MkdirTemp("", "argosy-go-test-*")
	return &server{data: data, address: "127.0.0.1:0"}, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := shared(); err == nil {
		if s.process != nil {
			s.stop()
		}
		_ = os.RemoveAll(s.data)
	}
	os.Exit(code)
}

// connect returns a client of a project of its own.
func connect(t testing.TB, options ...argosy.ConnectOption) *argosy.Client {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	if s.process == nil {
		s.t = t
		s.start()
	}
	return connectTo(t, s.address, options...)
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
func python(t testing.TB, client *argosy.Client, address, code string, arguments ...string) string {
	t.Helper()
	command := exec.Command(filepath.Join(filepath.Dir(program(t)), "python"), append([]string{"-c", code}, arguments...)...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "ARGOSY_SERVER=grpc://"+address, "ARGOSY_PROJECT="+client.Project(), "ARGOSY_HOME="+t.TempDir())
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", code, err, output)
	}
	return strings.TrimSpace(string(output))
}

func address(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s.address
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
