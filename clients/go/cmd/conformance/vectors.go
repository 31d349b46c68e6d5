package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// vector is one statement about a client.
type vector interface {
	name() string
	run(context.Context) error
}

// vectors runs the conformance vectors of a directory that need no server.
func vectors(ctx context.Context, directory string) error {
	passed := 0
	var failures []error
	for _, list := range []struct {
		file, member string
		read         func([]byte) ([]vector, error)
	}{
		{"digests.json", "contents", read[digestVector]}, {"json.json", "vectors", read[documentVector]},
		{"npy.json", "vectors", read[arrayVector]}, {"names.json", "projects", read[projectVector]},
		{"names.json", "local_paths", read[pathVector]}, {"names.json", "addresses", read[addressVector]},
		{"errors.json", "vectors", read[errorVector]},
	} {
		content, err := os.ReadFile(filepath.Join(directory, list.file))
		if err != nil {
			return err
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(content, &members); err != nil {
			return fmt.Errorf("%s: %w", list.file, err)
		}
		found, err := list.read(members[list.member])
		if err != nil {
			return fmt.Errorf("%s, %s: %w", list.file, list.member, err)
		}
		for _, one := range found {
			if err := one.run(ctx); err != nil {
				// A vector that fails is no error of Argosy, whatever it holds.
				failures = append(failures, fmt.Errorf("%s, %s, %s: %s", list.file, list.member, one.name(), err.Error()))
			}
		}
		passed += len(found)
	}
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return tell(map[string]any{"passed": passed})
}

// read is a list of vectors of one kind.
func read[Kind vector](content []byte) ([]vector, error) {
	var kinds []Kind
	err := json.Unmarshal(content, &kinds)
	list := make([]vector, 0, len(kinds))
	for _, one := range kinds {
		list = append(list, one)
	}
	return list, err
}
