package argosy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// ReadFile returns all bytes of a file, verified. The path is relative to Root.
func (a *Artifact) ReadFile(ctx context.Context, path string) ([]byte, error) {
	file, err := a.file(path)
	if err != nil {
		return nil, err
	}
	into := &memory{}
	if err := a.client.fetch(ctx, a.from, []*argosyv1.ArtifactFile{file}, into); err != nil {
		return nil, err
	}
	return into.content, nil
}

// Open streams a file. The bytes are verified when io.EOF has come and not before: a reader of
// damaged bytes ends with [ErrCorrupt] in its place. The path is relative to Root.
func (a *Artifact) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	file, err := a.file(path)
	if err != nil {
		return nil, err
	}
	if content, isHere := a.from.contents[file.GetPath()]; isHere {
		return io.NopCloser(bytes.NewReader(content)), nil
	}
	return a.client.readBlob(ctx, file.GetDigest(), file.GetSizeBytes()), nil
}

// Paths are those of the files below Root, relative to it.
func (a *Artifact) Paths() []string {
	var paths []string
	for _, file := range a.Version.GetFiles() {
		if path, isBelow := strings.CutPrefix(file.GetPath(), a.Root); isBelow && !isPreview(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// isPreview tells files that describe a value from those that are the value.
func isPreview(path string) bool { return strings.HasPrefix(path, ".argosy/") }

func (a *Artifact) file(path string) (*argosyv1.ArtifactFile, error) {
	for _, file := range a.Version.GetFiles() {
		if file.GetPath() == a.Root+path {
			return file, nil
		}
	}
	return nil, a.refuse(fmt.Sprintf("it has no file %q, it has %s", a.Root+path, strings.Join(a.Paths(), ", ")))
}

// only returns the bytes of the one file a version has.
func (a *Artifact) only(ctx context.Context) ([]byte, error) {
	path, err := a.onlyPath()
	if err != nil {
		return nil, err
	}
	return a.ReadFile(ctx, path)
}

func (a *Artifact) onlyPath() (string, error) {
	paths := a.Paths()
	if len(paths) != 1 {
		return "", a.refuse(fmt.Sprintf("it has %d files where one is wanted; name one of %s, or write all of them to disk with Download",
			len(paths), strings.Join(paths[:min(len(paths), 5)], ", ")))
	}
	return paths[0], nil
}

// refuse is the error of a version that cannot be read as it was asked for.
func (a *Artifact) refuse(cure string) error {
	return &FormatError{Name: a.Version.GetName(), Version: a.Version.GetVersion(), Format: a.Format, Cure: cure}
}

// memory is a sink of one file.
type memory struct {
	content []byte
	size    int64
}

const (
	// Memory for a file grows with what has come of it, so that a size that is none asks for none.
	firstMemory = 64 << 20
	growth      = 4
)

func (m *memory) create(file *argosyv1.ArtifactFile) (io.WriteCloser, error) {
	if file.GetSizeBytes() < 0 {
		return nil, fmt.Errorf("%s has %d bytes: %w", file.GetPath(), file.GetSizeBytes(), ErrCorrupt)
	}
	m.size = file.GetSizeBytes()
	m.content = make([]byte, 0, min(m.size, firstMemory))
	return m, nil
}

func (m *memory) Write(piece []byte) (int, error) {
	if needed := len(m.content) + len(piece); needed > cap(m.content) {
		m.content = append(make([]byte, 0, min(m.size, growth*int64(needed))), m.content...)
	}
	m.content = append(m.content, piece...)
	return len(piece), nil
}

func (m *memory) Close() error { return nil }
