package argosy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"lukechampine.com/blake3"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// scriptedServer answers a download with fixed messages and keeps what an upload sent.
type scriptedServer struct {
	argosyv1.UnimplementedArtifactServiceServer
	download []*argosyv1.DownloadArtifactResponse
	refuse   error
	uploaded chan []*argosyv1.UploadArtifactRequest
}

func (s *scriptedServer) DownloadArtifact(
	_ *argosyv1.DownloadArtifactRequest, stream grpc.ServerStreamingServer[argosyv1.DownloadArtifactResponse],
) error {
	for _, message := range s.download {
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	return s.refuse
}

func (s *scriptedServer) UploadArtifact(
	stream grpc.ClientStreamingServer[argosyv1.UploadArtifactRequest, argosyv1.UploadArtifactResponse],
) error {
	if s.refuse != nil {
		return s.refuse
	}
	var messages []*argosyv1.UploadArtifactRequest
	defer func() { s.uploaded <- messages }()
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&argosyv1.UploadArtifactResponse{})
		}
		if err != nil {
			return err
		}
		messages = append(messages, message)
	}
}

func clientOf(t *testing.T, server *scriptedServer) *Client {
	t.Helper()
	server.uploaded = make(chan []*argosyv1.UploadArtifactRequest, 1)
	listener := bufconn.Listen(4 << 20)
	grpcServer := grpc.NewServer()
	argosyv1.RegisterArtifactServiceServer(grpcServer, server)
	go func() { _ = grpcServer.Serve(listener) }()
	t.Cleanup(grpcServer.Stop)
	client, err := Dial("grpc://passthrough:///memory", "", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func downloadOf(declared, sent string, end bool) []*argosyv1.DownloadArtifactResponse {
	hasher := blake3.New(32, nil)
	_, _ = io.WriteString(hasher, declared)
	file := &argosyv1.ArtifactFile{Path: "data.bin", Digest: digestText(hasher), SizeBytes: int64(len(declared))}
	version := &argosyv1.ArtifactVersion{Name: "a", Format: "bytes", Files: []*argosyv1.ArtifactFile{file}}
	messages := []*argosyv1.DownloadArtifactResponse{
		{Part: &argosyv1.DownloadArtifactResponse_Version{Version: version}},
		{Part: &argosyv1.DownloadArtifactResponse_FileStart{FileStart: &argosyv1.DownloadFileStart{File: file}}},
		{Part: &argosyv1.DownloadArtifactResponse_Chunk{Chunk: []byte(sent)}},
	}
	if end {
		fileEnd := &argosyv1.DownloadFileEnd{SentBytes: int64(len(sent))}
		messages = append(messages, &argosyv1.DownloadArtifactResponse{
			Part: &argosyv1.DownloadArtifactResponse_FileEnd{FileEnd: fileEnd},
		})
	}
	return messages
}

func TestLoadReturnsBytesThatMatchTheirDigest(t *testing.T) {
	loaded, err := clientOf(t, &scriptedServer{download: downloadOf("abc", "abc", true)}).Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if content, err := loaded.Bytes(); err != nil || string(content) != "abc" {
		t.Fatalf("got %q, %v", content, err)
	}
	if err := loaded.JSON(new(any)); err == nil || !strings.Contains(err.Error(), `"bytes", not "json"`) {
		t.Fatalf("bytes read as json: %v", err)
	}
}

func TestLoadRefusesChangedBytes(t *testing.T) {
	_, err := clientOf(t, &scriptedServer{download: downloadOf("abc", "abd", true)}).Load(t.Context(), "a")
	if !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v, want ErrCorrupt", err)
	}
}

func TestLoadRefusesAStreamThatEndsCleanlyButEarly(t *testing.T) {
	whole := downloadOf("abc", "abc", false)
	for length := range len(whole) + 1 {
		_, err := clientOf(t, &scriptedServer{download: whole[:length]}).Load(t.Context(), "a")
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("after %d messages: got %v, want io.ErrUnexpectedEOF", length, err)
		}
	}
}

func TestRefusalsCarryTheirReason(t *testing.T) {
	refusal, err := status.New(codes.AlreadyExists, "taken").WithDetails(
		&errdetails.ErrorInfo{Domain: "argosy", Reason: "VERSION_EXISTS"})
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, &scriptedServer{refuse: refusal.Err()})
	// Far more than the flow-control window, so that Send fails before all is sent.
	_, uploadErr := client.SaveBytes(t.Context(), "a", make([]byte, 64*chunkSize))
	_, downloadErr := client.Load(t.Context(), "a")
	for _, err := range []error{uploadErr, downloadErr} {
		if Reason(err) != "VERSION_EXISTS" {
			t.Fatalf("reason %q of %v", Reason(err), err)
		}
	}
}

func TestUploadEndsWithDigestAndSize(t *testing.T) {
	server := &scriptedServer{}
	content := bytes.Repeat([]byte{7}, chunkSize+1)
	if _, err := clientOf(t, server).SaveBytes(t.Context(), "a", content); err != nil {
		t.Fatal(err)
	}
	messages := <-server.uploaded
	hasher := blake3.New(32, nil)
	_, _ = hasher.Write(content)
	finish := messages[len(messages)-1].GetFinish()
	if len(messages) != 4 || finish.GetDigest() != digestText(hasher) || finish.GetSizeBytes() != chunkSize+1 {
		t.Fatalf("%d messages, finish %v", len(messages), finish)
	}
}

func TestUploadOfAFailingReaderNeverFinishes(t *testing.T) {
	server := &scriptedServer{}
	broken := errors.New("disk unplugged")
	content := io.MultiReader(strings.NewReader("abc"), readerFunc(func([]byte) (int, error) { return 0, broken }))
	_, err := clientOf(t, server).Upload(t.Context(), &argosyv1.ArtifactSpec{Name: "a"}, "data.bin", content)
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	for _, message := range <-server.uploaded {
		if message.GetFinish() != nil {
			t.Fatal("a broken upload was finished")
		}
	}
}

func TestDialRefusesAnotherScheme(t *testing.T) {
	if _, err := Dial("http://127.0.0.1:1", ""); err == nil {
		t.Fatal("http was accepted")
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
