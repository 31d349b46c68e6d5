// Package testserver starts real servers for the tests of the modules of this client, and runs Python against them.
package testserver

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Server is one in a process of its own.
type Server struct {
	// Data is its directory, Address its host:port.
	Data, Address string
	process       *exec.Cmd
}

// Start begins to serve with a store of its own, until the end of the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Data: t.TempDir(), Address: "127.0.0.1:0"}
	s.Serve(t)
	t.Cleanup(s.Stop)
	return s
}

// Serve begins to serve, at the same address as before where there was one.
func (s *Server) Serve(t testing.TB) {
	t.Helper()
	s.process = exec.Command(program(t), "serve", "--listen", s.Address, "--data", s.Data, "--log-level", "warning")
	s.process.Dir = s.Data
	s.process.Stderr = os.Stderr
	// It ends with this process, also when that is killed.
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	_, found, ok := strings.Cut(strings.TrimSpace(line), "grpc://")
	if err != nil || !ok {
		t.Fatalf("the server says %q, %v", line, err)
	}
	s.Address = found
}

// Kill ends it as a crash would.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.process.Wait() // it was killed
}

// Stop ends it in order, if it runs.
func (s *Server) Stop() {
	if s.process == nil || s.process.ProcessState != nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM) // one that is gone needs none
	_ = s.process.Wait()
}

// Python runs code that uses the SDK against a project of the server, and returns what it printed.
func (s *Server) Python(t testing.TB, project, code string, arguments ...string) string {
	t.Helper()
	command := exec.Command(filepath.Join(filepath.Dir(program(t)), "python"), append([]string{"-c", code}, arguments...)...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "ARGOSY_SERVER=grpc://"+s.Address, "ARGOSY_PROJECT="+project, "ARGOSY_HOME="+t.TempDir())
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", code, err, output)
	}
	return strings.TrimSpace(string(output))
}

// program is the server of the repository's own environment, or the one ARGOSY_TEST_SERVER names.
func program(t testing.TB) string {
	t.Helper()
	if named := os.Getenv("ARGOSY_TEST_SERVER"); named != "" {
		return named
	}
	folder, err := os.Getwd()
	for err == nil && folder != filepath.Dir(folder) {
		path := filepath.Join(folder, ".venv/bin/argosy-server")
		if _, absent := os.Stat(path); absent == nil {
			return path
		}
		folder = filepath.Dir(folder)
	}
	t.Fatal("these tests need a server; make it with `make dev`, or name one by ARGOSY_TEST_SERVER")
	return ""
}
