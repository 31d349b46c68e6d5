package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

type statusVector struct{ Code, Reason string }

type step struct {
	Call   string
	Offset int64
	Epoch  int64
	Pause  []float64
	Answer struct {
		Upload *struct {
			ID            string `json:"id"`
			State         string `json:"state"`
			CommittedSize int64  `json:"committed_size"`
			Epoch         int64  `json:"epoch"`
		} `json:"upload"`
		CommittedSize int64         `json:"committed_size"`
		Status        *statusVector `json:"status"`
	}
	Until  int64
	Flip   *int64
	Status *statusVector
}

type resumeVector struct {
	Name      string
	SizeBytes int64 `json:"size_bytes"`
	Steps     []step
	Result    string
	MayStop   bool `json:"may_stop"`
}

func resumeChecks(content []byte) ([]check, error) {
	file, err := decoded[struct{ Uploads, Downloads []resumeVector }](content)
	var checks []check
	for _, vector := range file.Uploads {
		checks = append(checks, check{"upload: " + vector.Name, vector.upload})
	}
	for _, vector := range file.Downloads {
		checks = append(checks, check{"download: " + vector.Name, vector.download})
	}
	return checks, err
}

// playback gives the answers of a vector in turn and notes what differs from it.
type playback struct {
	mutex   sync.Mutex
	content []byte
	steps   []step
	next    int
	last    time.Time
	wrong   []error
}

// take returns the step of a call, and what is wrong with the call.
func (p *playback) take(call string, offset, epoch int64) (step, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	have := fmt.Sprintf("%s at offset %d with epoch %d", call, offset, epoch)
	if p.next == len(p.steps) {
		return step{}, p.blame(fmt.Errorf("%s comes behind the last step", have))
	}
	now := p.steps[p.next]
	p.next++
	waited := time.Since(p.last).Seconds()
	if want := fmt.Sprintf("%s at offset %d with epoch %d", now.Call, now.Offset, now.Epoch); have != want {
		return step{}, p.blame(fmt.Errorf("step %d is %s, not %s", p.next, have, want))
	}
	// The longest pause is not checked: a machine may be slower than any of them.
	if len(now.Pause) == 2 && waited < now.Pause[0]*0.98 {
		return step{}, p.blame(fmt.Errorf("step %d came after %.3f s, not %.1f", p.next, waited, now.Pause[0]))
	}
	return now, nil
}

func (p *playback) blame(err error) error {
	p.wrong = append(p.wrong, err)
	return status.Error(codes.FailedPrecondition, err.Error())
}

// answered notes when the last answer was given, from which the next pause counts.
func (p *playback) answered() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.last = time.Now()
}

// end tells what was wrong, steps that never came among it.
func (p *playback) end(mayStop bool) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.next < len(p.steps) && !mayStop {
		p.wrong = append(p.wrong, fmt.Errorf("only %d of %d steps came", p.next, len(p.steps)))
	}
	return errors.Join(p.wrong...)
}

func refusal(vector *statusVector) error {
	if vector == nil || vector.Code == "OK" {
		return nil
	}
	code, err := codeOf(vector.Code)
	if err != nil {
		return err
	}
	state := status.New(code, "a vector")
	if vector.Reason != "" {
		if state, err = state.WithDetails(&errdetails.ErrorInfo{Domain: "argosy", Reason: vector.Reason}); err != nil {
			return err
		}
	}
	return state.Err()
}

func (s *script) unary(call string) (*argosyv1.Upload, error) {
	now, err := s.play.take(call, 0, 0)
	if err != nil {
		return nil, err
	}
	defer s.play.answered()
	if err := refusal(now.Answer.Status); err != nil || now.Answer.Upload == nil {
		return nil, err
	}
	told := now.Answer.Upload
	state := argosyv1.UploadState(argosyv1.UploadState_value["UPLOAD_STATE_"+told.State])
	return &argosyv1.Upload{Id: told.ID, State: state, CommittedSize: told.CommittedSize, Epoch: told.Epoch}, nil
}

func (s *script) CreateUpload(context.Context, *argosyv1.CreateUploadRequest) (*argosyv1.CreateUploadResponse, error) {
	upload, err := s.unary("CreateUpload")
	return &argosyv1.CreateUploadResponse{Upload: upload}, err
}

func (s *script) GetUpload(context.Context, *argosyv1.GetUploadRequest) (*argosyv1.GetUploadResponse, error) {
	upload, err := s.unary("GetUpload")
	return &argosyv1.GetUploadResponse{Upload: upload}, err
}

func (s *script) CommitUpload(_ context.Context, r *argosyv1.CommitUploadRequest) (*argosyv1.CommitUploadResponse, error) {
	_, err := s.unary("CommitUpload")
	return &argosyv1.CommitUploadResponse{Digest: r.GetDigest(), SizeBytes: r.GetSizeBytes()}, err
}

func (*script) AbortUpload(context.Context, *argosyv1.AbortUploadRequest) (*argosyv1.AbortUploadResponse, error) {
	return &argosyv1.AbortUploadResponse{}, nil
}

func (s *script) WriteUpload(stream grpc.ClientStreamingServer[argosyv1.WriteUploadRequest, argosyv1.WriteUploadResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	now, err := s.play.take("WriteUpload", first.GetOpen().GetOffset(), first.GetOpen().GetEpoch())
	if err != nil {
		return err
	}
	defer s.play.answered()
	if now.Answer.Status != nil {
		return refusal(now.Answer.Status)
	}
	received := slices.Clone(s.play.content[:now.Offset])
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		received = append(received, message.GetChunk()...)
	}
	if !bytes.Equal(received, s.play.content) {
		s.play.mutex.Lock()
		defer s.play.mutex.Unlock()
		return s.play.blame(fmt.Errorf("other bytes came from offset %d on", now.Offset))
	}
	return stream.SendAndClose(&argosyv1.WriteUploadResponse{CommittedSize: now.Answer.CommittedSize})
}

func (s *script) ReadBlob(r *argosyv1.ReadBlobRequest, stream grpc.ServerStreamingServer[argosyv1.ReadBlobResponse]) error {
	now, err := s.play.take("ReadBlob", r.GetOffset(), 0)
	if err != nil {
		return err
	}
	defer s.play.answered()
	content := pattern(max(now.Until, int64(len(s.play.content))))
	if now.Flip != nil {
		content[*now.Flip] ^= 1
	}
	for offset := now.Offset; offset < now.Until; {
		end := min(offset+1<<20, now.Until)
		if err := stream.Send(&argosyv1.ReadBlobResponse{Chunk: content[offset:end]}); err != nil {
			return err
		}
		offset = end
	}
	return refusal(now.Status)
}

func (v resumeVector) upload(ctx context.Context) error {
	played := &script{play: &playback{content: pattern(v.SizeBytes), steps: v.Steps}}
	return against(ctx, played, func(client *argosy.Client) error {
		_, err := client.Save(ctx, "vector", played.play.content)
		return errors.Join(v.compare(err), played.play.end(v.MayStop && err != nil))
	})
}

func (v resumeVector) download(ctx context.Context) error {
	content := pattern(v.SizeBytes)
	version := &argosyv1.ArtifactVersion{Name: "vector", Version: "1", Format: "bytes", Files: []*argosyv1.ArtifactFile{
		{Path: "data.bin", Digest: digestOf(content), SizeBytes: v.SizeBytes},
	}}
	played := &script{version: version, play: &playback{content: content, steps: v.Steps}}
	return against(ctx, played, func(client *argosy.Client) error {
		var loaded []byte
		_, err := client.Load(ctx, "vector", &loaded)
		if err == nil && !bytes.Equal(loaded, content) || err != nil && loaded != nil {
			return fmt.Errorf("%d other bytes were loaded, %w", len(loaded), err)
		}
		return errors.Join(v.compare(err), played.play.end(v.MayStop && err != nil))
	})
}

func (v resumeVector) compare(err error) error {
	have := "done"
	if err != nil {
		have = nameOf(err)
	}
	if have != v.Result && !(v.MayStop && err != nil) {
		return fmt.Errorf("it ended as %s (%w), not as %s", have, err, v.Result)
	}
	return nil
}
