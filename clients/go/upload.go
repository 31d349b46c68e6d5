package argosy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// upload is one large file on its way to become a blob, as docs/transfer.md tells it.
type upload struct {
	client *Client
	file   *stored
	tries  tries
	// state is what the server told last; nil before CreateUpload and after the upload was lost.
	state *argosyv1.Upload
	// requestID and commitID stand for the intentions to create and to commit it, also when the answer was lost.
	requestID, commitID string
	// unanswered is set when an attempt broke: its stream may still open and take the upload over.
	unanswered bool
	// writing is set while the last call was WriteUpload.
	writing bool
}

// errSource wraps what reading the file on this side failed with: no repetition cures it.
type errSource struct{ error }

func (e errSource) Unwrap() error { return e.error }

// uploadLarge sends one file, going on where it broke. When it fails the upload is aborted.
func (c *Client) uploadLarge(ctx context.Context, file *stored) error {
	u := &upload{client: c, file: file, tries: tries{most: transferAttempts}}
	for {
		failure := u.attempt(ctx)
		if failure == nil {
			return nil
		}
		if err := u.recover(ctx, failure); err != nil {
			u.abort(ctx)
			return fmt.Errorf("upload %s: %w", file.path, err)
		}
	}
}

// attempt brings the upload from where it is to COMMITTED.
func (u *upload) attempt(ctx context.Context) error {
	if err := u.look(ctx); err != nil {
		return err
	}
	if u.state.GetState() == argosyv1.UploadState_UPLOAD_STATE_COMMITTED {
		return nil
	}
	if err := u.write(ctx); err != nil {
		return err
	}
	digest, err := u.file.settled(ctx)
	if err != nil {
		return errSource{err}
	}
	request := &argosyv1.CommitUploadRequest{
		Project: u.client.settings.project, RequestId: u.commitID, UploadId: u.state.GetId(),
		Digest: digest, SizeBytes: u.file.size,
	}
	// Not repeated here: after a lost answer GetUpload tells how it ended.
	if _, err = unary(ctx, u.client, 1, u.client.blobs.CommitUpload, request); err == nil {
		u.file.digest = digest
	}
	return err
}

// look creates the upload, or asks where it stands.
func (u *upload) look(ctx context.Context) error {
	c := u.client
	if u.state != nil {
		request := &argosyv1.GetUploadRequest{Project: c.settings.project, UploadId: u.state.GetId()}
		answer, err := unary(ctx, c, 1, c.blobs.GetUpload, request)
		if err != nil {
			return err
		}
		if answer.GetUpload().GetCommittedSize() > u.state.GetCommittedSize() {
			u.tries.progressed()
		}
		u.state = answer.GetUpload()
		if u.state.GetState() != argosyv1.UploadState_UPLOAD_STATE_ABORTED {
			return nil
		}
	}
	if u.state != nil || u.requestID == "" {
		u.forget()
	}
	request := &argosyv1.CreateUploadRequest{
		Project: c.settings.project, RequestId: u.requestID, Digest: u.file.digest,
	}
	if request.Digest != "" {
		request.SizeBytes = u.file.size
	}
	answer, err := unary(ctx, c, 1, c.blobs.CreateUpload, request)
	if err == nil {
		u.state = answer.GetUpload()
	}
	return err
}

// forget begins anew with another upload.
func (u *upload) forget() {
	u.state, u.requestID, u.commitID, u.unanswered = nil, uuid.NewString(), uuid.NewString(), false
}

// write sends what is not kept yet by one stream.
func (u *upload) write(ctx context.Context) error {
	guarded, guard := watchIdle(ctx, u.client.settings.idleTimeout)
	u.writing = true
	defer guard.end() // leaving early tears the stream down instead of ending it as if all was said
	stream, err := u.client.blobs.WriteUpload(guarded, grpc.ForceCodecV2(newChunkCodec()))
	if err == nil {
		err = u.send(stream, guard)
	}
	var source errSource
	if errors.As(err, &source) {
		return err
	}
	if err == nil || errors.Is(err, io.EOF) { // io.EOF from sending: the server has ended the call, its status tells why
		guard.arm()
		_, err = stream.CloseAndRecv()
	}
	if err != nil {
		return u.client.errorOf(ctx, guarded, err)
	}
	u.writing = false
	return nil
}

// settled is the digest of a file all of which was sent.
func (s *stored) settled(ctx context.Context) (string, error) {
	switch {
	case s.digest != "":
		return s.digest, nil
	case s.hashed.size == s.size:
		return digestText(s.hashed.hasher), nil
	default: // the server had some of it from somebody else
		return s.hash(ctx)
	}
}

type writeStream = grpc.ClientStreamingClient[argosyv1.WriteUploadRequest, argosyv1.WriteUploadResponse]

func (u *upload) send(stream writeStream, guard *idle) error {
	offset := u.state.GetCommittedSize()
	open := &argosyv1.WriteUploadOpen{
		Project: u.client.settings.project, UploadId: u.state.GetId(), Offset: offset, Epoch: u.state.GetEpoch() + 1,
	}
	if err := stream.Send(&argosyv1.WriteUploadRequest{Part: &argosyv1.WriteUploadRequest_Open{Open: open}}); err != nil {
		return err
	}
	length := u.client.chunkBytes()
	var sending error
	err := u.file.read(offset, func(content io.Reader) error {
		for left := u.file.size - offset; left > 0; {
			buffer := chunks.Get(int(min(left, length)))
			for piece := range slices.Chunk(*buffer, pieceBytes) {
				if _, err := io.ReadFull(content, piece); err != nil {
					chunks.Put(buffer)
					return fmt.Errorf("%w (%w)", errChanged, err)
				}
				if u.file.digest == "" {
					u.file.hashed.add(u.file.size-left, piece)
				}
				left -= int64(len(piece))
			}
			if sending = stream.SendMsg(&sentChunk{mem.NewBuffer(buffer, &chunks)}); sending != nil {
				return nil
			}
			guard.arm()
			if u.file.sent != nil {
				u.file.sent(u.file.path, u.file.size-left)
			}
		}
		return nil
	})
	if err != nil {
		return errSource{err}
	}
	return sending
}

// recover does what the failure of an attempt asks for, and waits before the next one. It returns
// an error when there is no next one.
func (u *upload) recover(ctx context.Context, failure error) error {
	switch {
	case ctx.Err() != nil:
		return failure
	case mayPass(failure):
		u.unanswered = u.unanswered || u.writing
	case errors.Is(failure, ErrUploadNotFound), errors.Is(failure, ErrIllegalTransition) && u.writing:
		u.forget() // it expired, or was aborted
	case errors.Is(failure, ErrWritePastEnd), errors.Is(failure, ErrIllegalTransition):
		// The next look tells where it stands.
	case errors.Is(failure, ErrSuperseded) && u.unanswered:
		// An earlier attempt of our own may have taken it over.
	case errors.Is(failure, ErrDigestMismatch):
		digest, err := u.file.hash(ctx)
		if err != nil {
			return err
		}
		u.file.digest = digest
		u.forget()
	default:
		return failure
	}
	u.writing = false
	return u.tries.pause(ctx, failure)
}

// abort gives an upload up that will not be finished, also when the caller's context has ended.
func (u *upload) abort(ctx context.Context) {
	if u.state == nil {
		return
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	request := &argosyv1.AbortUploadRequest{
		Project: u.client.settings.project, RequestId: uuid.NewString(), UploadId: u.state.GetId(),
	}
	_, _ = u.client.blobs.AbortUpload(detached, request) // else it expires; the failure that led here is what counts
}

func (c *Client) chunkBytes() int64 {
	if preferred := int64(c.capabilities.GetPreferredChunkBytes()); preferred > 0 {
		return min(preferred, max(int64(c.capabilities.GetMaxChunkBytes()), chunkBytes))
	}
	return chunkBytes
}
