package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// check is one vector: its name, and what proves it.
type check struct {
	name string
	run  func(context.Context) error
}

// vectors runs all conformance vectors of a directory, those that wait for each other's pauses at the same time.
func vectors(ctx context.Context, directory string) error {
	readers := []struct {
		file string
		read func(content []byte) ([]check, error)
	}{
		{"digests.json", digestChecks}, {"json.json", documentChecks}, {"npy.json", arrayChecks}, {"names.json", nameChecks},
		{"page_tokens.json", pageChecks}, {"errors.json", errorChecks}, {"resume.json", resumeChecks},
	}
	var all []check
	for _, reader := range readers {
		content, err := os.ReadFile(filepath.Join(directory, reader.file))
		if err != nil {
			return err
		}
		checks, err := reader.read(content)
		if err != nil {
			return fmt.Errorf("%s: %w", reader.file, err)
		}
		if len(checks) == 0 {
			return fmt.Errorf("%s has no vectors", reader.file)
		}
		for i := range checks {
			checks[i].name = reader.file + ": " + checks[i].name
		}
		all = append(all, checks...)
	}
	failures := make([]error, len(all))
	var group errgroup.Group
	group.SetLimit(16 * runtime.NumCPU()) // most of them wait
	for i, one := range all {
		group.Go(func() error {
			if err := one.run(ctx); err != nil {
				// A vector that fails is no error of Argosy, whatever it holds.
				failures[i] = fmt.Errorf("%s: %s", one.name, err.Error())
			}
			return nil
		})
	}
	_ = group.Wait() // they are in failures, all of them
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return tell(map[string]any{"passed": len(all)})
}

// decoded is a file of vectors.
func decoded[Vectors any](content []byte) (Vectors, error) {
	var vectors Vectors
	err := json.Unmarshal(content, &vectors)
	return vectors, err
}
