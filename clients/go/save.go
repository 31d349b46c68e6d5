package argosy

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"lukechampine.com/blake3"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Messages of 1 MiB are the fastest ones measured and far below the server's limit for one.
const chunkSize = 1 << 20

type uploadStream = grpc.ClientStreamingClient[argosyv1.UploadArtifactRequest, argosyv1.UploadArtifactResponse]

// SaveBytes saves a value in format "bytes", which every language reads back as raw bytes.
func (c *Client) SaveBytes(ctx context.Context, name string, value []byte) (*argosyv1.ArtifactVersion, error) {
	spec := &argosyv1.ArtifactSpec{Name: name, Format: "bytes"}
	return c.Upload(ctx, spec, "data.bin", bytes.NewReader(value))
}

// Upload saves all that content yields as the one file of a new version. The version becomes
// visible only when the server has checked digest and size; after an error there is none. Memory
// does not grow with the size of the content.
func (c *Client) Upload(
	ctx context.Context, spec *argosyv1.ArtifactSpec, path string, content io.Reader,
) (*argosyv1.ArtifactVersion, error) {
	// Leaving early must tear the stream down instead of ending it as if all was said.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.artifacts.UploadArtifact(ctx)
	if err != nil {
		return nil, fmt.Errorf("argosy: upload %q: %w", spec.GetName(), err)
	}
	start := &argosyv1.UploadArtifactStart{
		Project: c.project, RequestId: uuid.NewString(), Spec: spec, Path: path,
	}
	err = stream.Send(&argosyv1.UploadArtifactRequest{Part: &argosyv1.UploadArtifactRequest_Start{Start: start}})
	if err == nil {
		err = sendContent(stream, content)
	}
	// io.EOF from Send means the server has ended the call: its status tells why.
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("argosy: upload %q: %w", spec.GetName(), err)
	}
	response, err := stream.CloseAndRecv()
	if err != nil {
		return nil, fmt.Errorf("argosy: upload %q: %w", spec.GetName(), err)
	}
	return response.GetArtifactVersion(), nil
}

func sendContent(stream uploadStream, content io.Reader) error {
	hasher, size := blake3.New(32, nil), int64(0)
	for {
		// gRPC may look at a message after Send has returned, so each one has bytes of its own.
		buffer := make([]byte, chunkSize)
		n, readErr := io.ReadFull(content, buffer)
		if n > 0 {
			chunk := &argosyv1.UploadArtifactRequest_Chunk{Chunk: buffer[:n]}
			if err := stream.Send(&argosyv1.UploadArtifactRequest{Part: chunk}); err != nil {
				return err
			}
			_, _ = hasher.Write(buffer[:n]) // a hash never fails to write
			size += int64(n)
		}
		switch {
		case errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF):
			finish := &argosyv1.UploadArtifactFinish{Digest: digestText(hasher), SizeBytes: size}
			return stream.Send(&argosyv1.UploadArtifactRequest{
				Part: &argosyv1.UploadArtifactRequest_Finish{Finish: finish},
			})
		case readErr != nil:
			return fmt.Errorf("read content: %w", readErr)
		}
	}
}

func digestText(hasher hash.Hash) string {
	return "blake3:" + hex.EncodeToString(hasher.Sum(nil))
}
