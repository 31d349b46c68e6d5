package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	argosy "example.com/argosy/clients/go"
)

// progressStep is after how many bytes a line of progress is written.
const progressStep = 8 << 20

// progress tells on stderr how far a transfer is.
type progress struct {
	mutex sync.Mutex
	next  int64
}

func (p *progress) reached(bytes int64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if bytes < p.next {
		return
	}
	p.next = bytes - bytes%progressStep + progressStep
	fmt.Fprintf(os.Stderr, `{"progress": %d}`+"\n", bytes)
}

func upload(ctx context.Context, c *command) (err error) {
	file, err := os.Open(c.arguments[1])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	told := &progress{}
	options := append(c.saveOptions(), argosy.Progress(func(_ string, sent int64) { told.reached(sent) }))
	version, err := c.client.Save(ctx, c.arguments[0], file, options...)
	if err != nil {
		return err
	}
	return describe(version)
}

func download(ctx context.Context, c *command) (err error) {
	reader, err := c.client.Open(ctx, c.arguments[0], "", c.selections()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	output := c.arguments[1]
	hidden, err := os.CreateTemp(filepath.Dir(output), ".conformance-*")
	if err != nil {
		return err
	}
	_, err = reader.WriteTo(&target{Writer: hidden})
	if err = errors.Join(err, hidden.Close()); err == nil {
		err = os.Rename(hidden.Name(), output)
	}
	if err != nil {
		return errors.Join(err, os.Remove(hidden.Name()))
	}
	return describe(reader.Version)
}

// target counts what is written.
type target struct {
	io.Writer
	written  int64
	progress progress
}

func (t *target) Write(piece []byte) (int, error) {
	n, err := t.Writer.Write(piece)
	t.written += int64(n)
	t.progress.reached(t.written)
	return n, err
}

func describe(version *argosy.ArtifactVersion) error {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	file := version.GetFiles()[0]
	return tell(map[string]any{
		"size": file.GetSizeBytes(), "digest": file.GetDigest(), "max_rss_bytes": usage.Maxrss << 10, // in KiB on Linux
		"cpu_seconds": float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9,
	})
}
