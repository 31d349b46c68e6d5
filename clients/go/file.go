package argosy

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/argosy/clients/go/internal/blake3"
)

// File is one file of a value to be saved. It can be read again, so that an upload goes on where it broke.
type File struct {
	path string
	size int64
	open func() (io.ReaderAt, io.Closer, error)
	sent Progress
}

// BytesFile is a file with this content, which must not change until it is saved.
func BytesFile(path string, content []byte) File {
	return ReaderFile(path, bytes.NewReader(content), int64(len(content)))
}

// ReaderFile is a file with the size bytes that content has. Reads may come from several goroutines.
func ReaderFile(path string, content io.ReaderAt, size int64) File {
	open := func() (io.ReaderAt, io.Closer, error) { return content, io.NopCloser(nil), nil }
	return File{path: path, size: size, open: open}
}

// DiskFile is a file with the content of the regular file filename, opened when its turn comes.
func DiskFile(path, filename string) (File, error) {
	info, err := os.Stat(filename)
	if err != nil {
		return File{}, fmt.Errorf("argosy: %w", err)
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("argosy: %s is no regular file; save a file, or a directory as argosy.Path", filename)
	}
	open := func() (io.ReaderAt, io.Closer, error) {
		file, err := os.Open(filename)
		return file, file, err
	}
	return File{path: path, size: info.Size(), open: open}, nil
}

// Path is where the file lies inside the version.
func (f File) Path() string { return f.path }

// Size is the length in bytes.
func (f File) Size() int64 { return f.size }

// errChanged says that a file has another size than when it was looked at first.
var errChanged = errors.New("it changed while it was read; save what nobody writes to")

// hash reads all of the file and returns its digest.
func (f File) hash(ctx context.Context) (string, error) {
	hasher, buffer := &blake3.Hasher{}, make([]byte, 256<<10)
	err := f.read(0, func(content io.Reader) error {
		for read := int64(0); read < f.size; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := io.ReadFull(content, buffer[:min(int64(len(buffer)), f.size-read)])
			if err != nil {
				return fmt.Errorf("%w (%w)", errChanged, err)
			}
			_, _ = hasher.Write(buffer[:n]) // a hash never fails to write
			read += int64(n)
		}
		return nil
	})
	return digestText(hasher), err
}

// hashing is the digest of the first bytes of a file that is sent meanwhile.
type hashing struct {
	hasher *blake3.Hasher
	size   int64
}

// add takes a piece of the file that begins at offset. What was taken before counts once.
func (h *hashing) add(offset int64, piece []byte) {
	if h.hasher == nil {
		h.hasher = &blake3.Hasher{}
	}
	if known := h.size - offset; known >= 0 && known < int64(len(piece)) {
		_, _ = h.hasher.Write(piece[known:]) // a hash never fails to write
		h.size = offset + int64(len(piece))
	}
}

// content reads all of a small file.
func (f File) content() ([]byte, error) {
	content := make([]byte, f.size)
	err := f.read(0, func(source io.Reader) error {
		if _, err := io.ReadFull(source, content); err != nil {
			return fmt.Errorf("%w (%w)", errChanged, err)
		}
		return nil
	})
	return content, err
}

// read hands the bytes from offset on to use.
func (f File) read(offset int64, use func(io.Reader) error) (err error) {
	content, closer, err := f.open()
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	if err := use(io.NewSectionReader(content, offset, f.size-offset)); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}

func digestText(hasher *blake3.Hasher) string { return textOf(hasher.Sum()) }

func digestOf(content []byte) string { return textOf(blake3.Sum256(content)) }

func textOf(digest [blake3.Size]byte) string { return "blake3:" + hex.EncodeToString(digest[:]) }

// spool keeps what a reader yields so that it can be read again: in memory up to limit bytes, longer
// content in a temporary file. Call done when it is not needed any more.
func spool(path string, content io.Reader, limit int64) (file File, done func() error, err error) {
	head, err := io.ReadAll(io.LimitReader(content, limit+1))
	if err != nil {
		return File{}, nil, fmt.Errorf("argosy: read content: %w", err)
	}
	if int64(len(head)) <= limit {
		return BytesFile(path, head), func() error { return nil }, nil
	}
	kept, err := os.CreateTemp("", "argosy-upload-*")
	if err != nil {
		return File{}, nil, fmt.Errorf("argosy: %w", err)
	}
	done = func() error { return errors.Join(kept.Close(), os.Remove(kept.Name())) }
	size, err := io.Copy(kept, io.MultiReader(bytes.NewReader(head), content))
	if err != nil {
		return File{}, nil, errors.Join(fmt.Errorf("argosy: read content: %w", err), done())
	}
	return ReaderFile(path, kept, size), done, nil
}
