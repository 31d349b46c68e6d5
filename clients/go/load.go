package argosy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"google.golang.org/grpc"
	"lukechampine.com/blake3"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// ErrCorrupt says that bytes came which are not the ones the store has a digest for. What was
// received must not be used.
var ErrCorrupt = errors.New("received bytes do not match their digest")

// Artifact is a loaded version; its bytes are verified.
type Artifact struct {
	Version *argosyv1.ArtifactVersion
	// Files are the bytes by path.
	Files map[string][]byte
}

// Bytes returns a value saved in format "bytes".
func (a *Artifact) Bytes() ([]byte, error) { return a.file("bytes", "data.bin") }

// JSON decodes a value saved in format "json" as encoding/json does.
func (a *Artifact) JSON(value any) error {
	document, err := a.file("json", "data.json")
	if err != nil {
		return err
	}
	return json.Unmarshal(document, value)
}

func (a *Artifact) file(format, path string) ([]byte, error) {
	if a.Version.GetFormat() != format {
		return nil, fmt.Errorf("argosy: %q is in format %q, not %q", a.Version.GetName(), a.Version.GetFormat(), format)
	}
	content, ok := a.Files[path]
	if !ok {
		return nil, fmt.Errorf("argosy: %q has no file %q", a.Version.GetName(), path)
	}
	return content, nil
}

// Load returns the selected version of an artifact with all its bytes in memory.
func (c *Client) Load(ctx context.Context, name string, selections ...Selection) (*Artifact, error) {
	files := map[string]*bytes.Buffer{}
	version, err := c.Download(ctx, func(file *argosyv1.ArtifactFile) (io.Writer, error) {
		files[file.GetPath()] = &bytes.Buffer{}
		return files[file.GetPath()], nil
	}, name, selections...)
	if err != nil {
		return nil, err
	}
	loaded := &Artifact{Version: version, Files: make(map[string][]byte, len(files))}
	for path, content := range files {
		loaded.Files[path] = content.Bytes()
	}
	return loaded, nil
}

// Download writes each file of the selected version to the writer that open gives for it. Memory
// does not grow with their size. After an error, ErrCorrupt among them, nothing that was written
// may be used.
func (c *Client) Download(
	ctx context.Context, open func(*argosyv1.ArtifactFile) (io.Writer, error), name string, selections ...Selection,
) (*argosyv1.ArtifactVersion, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	selector := &argosyv1.VersionSelector{Name: name}
	for _, narrow := range selections {
		narrow(selector)
	}
	request := &argosyv1.DownloadArtifactRequest{Project: c.project, Selector: selector}
	stream, err := c.artifacts.DownloadArtifact(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("argosy: download %q: %w", name, err)
	}
	receiver := &receiver{open: open}
	if err := receiver.run(stream); err != nil {
		return nil, fmt.Errorf("argosy: download %q: %w", name, err)
	}
	return receiver.version, nil
}

// receiver takes the messages of one download and proves that they tell the whole version.
type receiver struct {
	open    func(*argosyv1.ArtifactFile) (io.Writer, error)
	version *argosyv1.ArtifactVersion
	file    *argosyv1.ArtifactFile // the one under way, nil between files
	sink    io.Writer
	hasher  hash.Hash
	size    int64
	done    int
}

func (r *receiver) run(stream grpc.ServerStreamingClient[argosyv1.DownloadArtifactResponse]) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			// An early end may look like a clean one, so count what came.
			if r.version == nil || r.file != nil || r.done != len(r.version.GetFiles()) {
				return fmt.Errorf("the stream ended early: %w", io.ErrUnexpectedEOF)
			}
			return nil
		}
		if err == nil {
			err = r.take(message)
		}
		if err != nil {
			return err
		}
	}
}

func (r *receiver) take(message *argosyv1.DownloadArtifactResponse) (err error) {
	switch part := message.GetPart().(type) {
	case *argosyv1.DownloadArtifactResponse_Version:
		r.version = part.Version
	case *argosyv1.DownloadArtifactResponse_FileStart:
		if r.file != nil {
			return fmt.Errorf("%s has no end", r.file.GetPath())
		}
		r.file, r.hasher, r.size = part.FileStart.GetFile(), blake3.New(32, nil), 0
		r.sink, err = r.open(r.file)
	case *argosyv1.DownloadArtifactResponse_Chunk:
		if r.file == nil {
			return errors.New("bytes came before their file")
		}
		_, _ = r.hasher.Write(part.Chunk) // a hash never fails to write
		r.size += int64(len(part.Chunk))
		_, err = r.sink.Write(part.Chunk)
	case *argosyv1.DownloadArtifactResponse_FileEnd:
		if r.file == nil {
			return errors.New("a file ended that never began")
		}
		if digestText(r.hasher) != r.file.GetDigest() || r.size != r.file.GetSizeBytes() {
			return fmt.Errorf("%s: %w", r.file.GetPath(), ErrCorrupt)
		}
		r.file, r.done = nil, r.done+1
	}
	return err
}
