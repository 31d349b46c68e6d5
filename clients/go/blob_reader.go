package argosy

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
	"example.com/argosy/clients/go/internal/blake3"
)

// blobReader streams a blob from its first byte to its last, going on where the stream broke. It
// ends with io.EOF only when size and digest of all that came are the right ones.
type blobReader struct {
	client *Client
	ctx    context.Context
	digest string
	size   int64
	hasher blake3.Hasher
	// offset is how many bytes arrived, including those in pending.
	offset  int64
	tries   tries
	guarded context.Context
	guard   *idle
	stream  grpc.ServerStreamingClient[argosyv1.ReadBlobResponse]
	pending receivedChunk
	// failure is what all further reads end with.
	failure error
}

func (c *Client) readBlob(ctx context.Context, digest string, size int64) *blobReader {
	return &blobReader{client: c, ctx: ctx, digest: digest, size: size, tries: tries{most: transferAttempts}}
}

// Read copies the next bytes. They are verified only when io.EOF has come.
func (r *blobReader) Read(target []byte) (int, error) {
	if len(target) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n, err := r.pending.read(target)
	_, _ = r.hasher.Write(target[:n]) // a hash never fails to write
	return n, err
}

// WriteTo writes all bytes that are left; see [io.WriterTo].
func (r *blobReader) WriteTo(target io.Writer) (int64, error) {
	buffer := chunks.Get(pieceBytes)
	defer chunks.Put(buffer)
	// Without what else they can do, or io.Copy would let one of them choose smaller pieces.
	return io.CopyBuffer(struct{ io.Writer }{target}, struct{ io.Reader }{r}, *buffer)
}

// Close ends the stream.
func (r *blobReader) Close() error {
	r.hangUp()
	if r.failure == nil {
		r.failure = errors.New("argosy: read after Close")
	}
	return nil
}

// fill makes sure that there are bytes to take.
func (r *blobReader) fill() error {
	for r.failure == nil && r.pending.remaining() == 0 {
		before := r.offset
		err := r.advance()
		if r.offset > before { // an empty chunk is no progress: a server may send those for ever
			r.tries.progressed()
		}
		if err == nil {
			continue
		}
		r.hangUp()
		if mayPass(err) {
			err = r.tries.pause(r.ctx, err)
		}
		r.failure = err
	}
	return r.failure
}

// advance takes the next chunk, or finds that there are no more.
func (r *blobReader) advance() error {
	if r.stream == nil {
		if err := r.call(); err != nil {
			return err
		}
	}
	r.guard.arm()
	err := r.stream.RecvMsg(&r.pending)
	r.guard.disarm()
	if errors.Is(err, io.EOF) && r.offset == r.size {
		return r.verify()
	}
	if err != nil {
		return r.client.errorOf(r.ctx, r.guarded, err)
	}
	if r.offset += int64(r.pending.remaining()); r.offset > r.size {
		return fmt.Errorf("more than the %d bytes of %s came: %w", r.size, r.digest, ErrCorrupt)
	}
	return nil
}

func (r *blobReader) call() (err error) {
	r.guarded, r.guard = watchIdle(r.ctx, r.client.settings.idleTimeout)
	request := &argosyv1.ReadBlobRequest{Project: r.client.settings.project, Digest: r.digest, Offset: r.offset}
	r.stream, err = r.client.blobs.ReadBlob(r.guarded, request, grpc.ForceCodecV2(newChunkCodec()))
	if err != nil {
		return r.client.errorOf(r.ctx, r.guarded, err)
	}
	return nil
}

func (r *blobReader) verify() error {
	if found := digestText(&r.hasher); found != r.digest {
		return fmt.Errorf("%w: the store has %s, %s came", ErrCorrupt, r.digest, found)
	}
	return io.EOF
}

func (r *blobReader) hangUp() {
	if r.guard != nil {
		r.guard.end()
	}
	r.pending.release()
	r.stream, r.guard = nil, nil
}
