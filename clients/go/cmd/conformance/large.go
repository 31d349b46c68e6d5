package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	argosy "example.com/argosy/clients/go"
)

// progressStep is after how many bytes a line of progress is written.
const progressStep = 8 << 20

// progress tells on stderr how far an upload is.
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
	options := append(chosen[argosy.SaveOption](c), argosy.Progress(func(_ string, sent int64) { told.reached(sent) }))
	version, err := c.client.Save(ctx, c.arguments[0], file, options...)
	if err != nil {
		return err
	}
	return describe(version)
}

func download(ctx context.Context, c *command) error {
	version, err := c.client.DownloadFile(ctx, c.arguments[0], c.arguments[1], chosen[argosy.Selection](c)...)
	if err != nil {
		return err
	}
	return describe(version)
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
