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

	"github.com/google/uuid"

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
// name, of other formats the files they consist of. The directory is made; it may be there, or a link
// to it, only if it is empty. It appears when all bytes were verified, and not at all when something failed.
func (c *Client) Download(ctx context.Context, name, directory string, selections ...Selection) (*ArtifactVersion, error) {
	version, err := c.download(ctx, name, directory, selections)
	if err != nil {
		return nil, fmt.Errorf("download %q: %w", name, err)
	}
	return version, nil
}

func (c *Client) download(ctx context.Context, name, directory string, selections []Selection) (_ *ArtifactVersion, err error) {
	directory, isThere, err := placeOf(directory)
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	artifact, err := c.artifact(ctx, name, selections)
	if err != nil {
		return nil, err
	}
	tree, err := treeOf(ctx, artifact)
	if err != nil {
		return nil, err
	}
	hidden := hiddenBeside(directory)
	if isThere {
		hidden = hiddenBeside(filepath.Join(directory, "inside"))
	}
	if err := os.MkdirAll(hidden, 0o777); err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(hidden)) }()
	if err := tree.write(ctx, artifact, hidden); err != nil {
		return nil, err
	}
	if isThere {
		err = moveInto(directory, hidden)
	} else {
		err = os.Rename(hidden, directory)
	}
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	return artifact.Version, nil
}

// moveInto moves what is complete into a directory that is there: no other one can take the place of a mounted one, or
// of the one a process works in.
func moveInto(directory, complete string) error {
	entries, err := os.ReadDir(complete)
	for at := 0; at < len(entries) && err == nil; at++ {
		name := entries[at].Name()
		if err = os.Rename(filepath.Join(complete, name), filepath.Join(directory, name)); err != nil {
			for _, moved := range entries[:at] {
				err = errors.Join(err, os.RemoveAll(filepath.Join(directory, moved.Name())))
			}
		}
	}
	return err
}

// DownloadFile writes the one file a version has to filename, replacing what was there only when all
// bytes were verified.
func (c *Client) DownloadFile(ctx context.Context, name, filename string, selections ...Selection) (_ *ArtifactVersion, err error) {
	reader, err := c.Open(ctx, name, "", selections...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	hidden := hiddenBeside(filename)
	file, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("download %q: %w", name, err)
	}
	_, err = reader.WriteTo(&newFile{file: file, size: reader.Size})
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(hidden, filename)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("download %q: %w", name, err), os.Remove(hidden))
	}
	return reader.Version, nil
}

// hiddenBeside is a new path from which what is complete can be renamed to its own.
func hiddenBeside(path string) string {
	return filepath.Join(filepath.Dir(path), ".argosy-"+uuid.NewString())
}

// placeOf is where a directory lies, or will lie, and whether it is there: links to it stay. One that is not empty is
// refused.
func placeOf(directory string) (place string, isThere bool, err error) {
	directory = filepath.Clean(directory)
	if _, err := os.Lstat(directory); errors.Is(err, fs.ErrNotExist) {
		return directory, false, nil
	}
	place, err = filepath.EvalSymlinks(directory)
	if err != nil {
		return "", false, err
	}
	entries, err := os.ReadDir(place)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty; name a new directory", directory)
	}
	return place, true, err
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
		switch {
		case isPreview(file.GetPath()), !isContent && file.GetPath() == directoryPath:
			continue
		case !isContent:
			return nil, artifact.refuse(fmt.Sprintf("it has %q, which is no part of a directory", file.GetPath()))
		}
		if err := claim(taken, place, true); err != nil {
			return nil, artifact.refuse(err.Error())
		}
		t.places[file.GetPath()] = place
		t.files = append(t.files, file)
	}
	if artifact.Format == FormatFile && (len(t.files) != 1 || strings.Contains(t.files[0].GetPath(), "/")) {
		return nil, artifact.refuse("it must have exactly one file, in no directory")
	}
	for _, place := range t.empty {
		if err := claim(taken, place, false); err != nil {
			return nil, artifact.refuse(err.Error())
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
		return fmt.Errorf("it has %q twice", place)
	}
	taken[place] = isFile
	for above := path.Dir(place); above != "."; above = path.Dir(above) {
		if taken[above] {
			return fmt.Errorf("its %q is a file and a directory", above)
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
	content, err := d.root.OpenFile(place, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &newFile{file: content, size: file.GetSizeBytes()}, nil
}
