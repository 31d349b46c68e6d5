package argosy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Reader streams a file of a version. It goes on where its connection broke.
type Reader struct {
	io.ReadCloser
	// Version is the record of the version.
	Version *ArtifactVersion
	// Path is where the file lies in it, Size its length in bytes.
	Path string
	Size int64
}

// WriteTo lets io.Copy do without a buffer of its own.
func (r *Reader) WriteTo(target io.Writer) (int64, error) {
	if streaming, ok := r.ReadCloser.(io.WriterTo); ok {
		return streaming.WriteTo(target)
	}
	return io.Copy(target, struct{ io.Reader }{r.ReadCloser})
}

// Open streams the one file a version has, or of more files the one at path. The bytes are verified
// when io.EOF has come and not before: a reader of damaged bytes ends with [ErrCorrupt] in its
// place. Close it.
func (c *Client) Open(ctx context.Context, name, path string, selections ...Selection) (*Reader, error) {
	artifact, err := c.artifact(ctx, name, selections)
	if err == nil && path == "" {
		path, err = artifact.onlyPath()
	}
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	file, err := artifact.file(path)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	content, err := artifact.Open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	return &Reader{ReadCloser: content, Version: artifact.Version, Path: path, Size: file.GetSizeBytes()}, nil
}

// Download writes a version to disk: the tree of a "directory", the file of a "file" under its own
// name, of other formats the files they consist of. The directory is made; it may be there only
// if it is empty. It appears when all bytes were verified, and not at all when something failed.
func (c *Client) Download(ctx context.Context, name, directory string, selections ...Selection) (*ArtifactVersion, error) {
	version, err := c.download(ctx, name, directory, selections)
	if err != nil {
		return nil, fmt.Errorf("download %q: %w", name, err)
	}
	return version, nil
}

func (c *Client) download(ctx context.Context, name, directory string, selections []Selection) (_ *ArtifactVersion, err error) {
	if err := checkFree(directory); err != nil {
		return nil, err
	}
	artifact, err := c.artifact(ctx, name, selections)
	if err != nil {
		return nil, err
	}
	tree, err := treeOf(ctx, artifact)
	if err != nil {
		return nil, err
	}
	directory = filepath.Clean(directory)
	if err := os.MkdirAll(filepath.Dir(directory), 0o777); err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	hidden, err := os.MkdirTemp(filepath.Dir(directory), "."+filepath.Base(directory)+".argosy-*")
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(hidden)) }()
	if err := tree.write(ctx, artifact, hidden); err != nil {
		return nil, err
	}
	if err := os.Remove(directory); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	if err := os.Rename(hidden, directory); err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	return artifact.Version, nil
}

// DownloadFile writes the one file a version has to filename, replacing what was there only when all
// bytes were verified.
func (c *Client) DownloadFile(ctx context.Context, name, filename string, selections ...Selection) (_ *ArtifactVersion, err error) {
	reader, err := c.Open(ctx, name, "", selections...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	hidden, err := os.CreateTemp(filepath.Dir(filename), "."+filepath.Base(filename)+".argosy-*")
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	if err = hidden.Chmod(0o644); err == nil {
		_, err = reader.WriteTo(hidden)
	}
	if err = errors.Join(err, hidden.Close()); err == nil {
		err = os.Rename(hidden.Name(), filename)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("download %q: %w", name, err), os.Remove(hidden.Name()))
	}
	return reader.Version, nil
}

func checkFree(directory string) error {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("argosy: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("argosy: %s is not empty; name a new directory", directory)
	}
	return nil
}

// tree is what a version becomes on disk; all names were checked.
type tree struct {
	// places are paths on disk by paths in the version.
	places map[string]string
	empty  []string
	files  []*argosyv1.ArtifactFile
}

// treeOf works out where the files go, and refuses names that lead anywhere else, before anything is written.
func treeOf(ctx context.Context, artifact *Artifact) (*tree, error) {
	t := &tree{places: map[string]string{}}
	prefix := ""
	if artifact.Format == FormatDirectory {
		prefix = contentPrefix
		document, err := artifact.ReadFile(ctx, directoryPath)
		if err != nil {
			return nil, err
		}
		record := directoryRecord{}
		if err := json.Unmarshal(document, &record); err != nil {
			return nil, fmt.Errorf("argosy: %s is malformed: %w", directoryPath, err)
		}
		t.empty = record.EmptyDirectories
	}
	taken := map[string]bool{} // by path on disk, true for a file
	for _, file := range artifact.Version.GetFiles() {
		place, isContent := strings.CutPrefix(file.GetPath(), prefix)
		if !isContent || isPreview(file.GetPath()) {
			continue
		}
		if err := claim(taken, place, true); err != nil {
			return nil, artifact.refuse(strings.TrimPrefix(err.Error(), "argosy: "))
		}
		t.places[file.GetPath()] = place
		t.files = append(t.files, file)
	}
	if artifact.Format == FormatFile && (len(t.files) != 1 || strings.Contains(t.files[0].GetPath(), "/")) {
		return nil, artifact.refuse("it must have exactly one file, in no directory")
	}
	for _, place := range t.empty {
		if err := claim(taken, place, false); err != nil {
			return nil, artifact.refuse(strings.TrimPrefix(err.Error(), "argosy: "))
		}
	}
	return t, nil
}

// claim takes a path on disk, and refuses one that is no name, or is a file and something else.
func claim(taken map[string]bool, place string, isFile bool) error {
	if err := checkPath(place); err != nil {
		return err
	}
	if _, twice := taken[place]; twice && (isFile || taken[place]) {
		return fmt.Errorf("argosy: the version has %q twice", place)
	}
	taken[place] = isFile
	for above := path.Dir(place); above != "."; above = path.Dir(above) {
		if taken[above] {
			return fmt.Errorf("argosy: %q of the version is a file and a directory", above)
		}
		taken[above] = false
	}
	return nil
}

// write puts the tree into a new directory. The system itself lets nothing out of it.
func (t *tree) write(ctx context.Context, artifact *Artifact, directory string) (err error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("argosy: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := root.Chmod(".", 0o755); err != nil {
		return fmt.Errorf("argosy: %w", err)
	}
	for _, place := range t.empty {
		if err := root.MkdirAll(place, 0o777); err != nil {
			return fmt.Errorf("argosy: %w", err)
		}
	}
	return artifact.client.fetch(ctx, artifact.from, t.files, disk{root, t.places})
}

// disk is a sink of files below a directory.
type disk struct {
	root   *os.Root
	places map[string]string
}

func (d disk) create(file *argosyv1.ArtifactFile) (io.WriteCloser, error) {
	place := d.places[file.GetPath()]
	if err := d.root.MkdirAll(path.Dir(place), 0o777); err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	return d.root.OpenFile(place, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}
