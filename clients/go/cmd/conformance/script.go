package main

import (
	"context"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// script is a server that plays a vector. Those calls a vector does not tell of answer as little as a client needs.
type script struct {
	argosyv1.UnimplementedArtifactServiceServer
	argosyv1.UnimplementedBlobServiceServer
	version *argosyv1.ArtifactVersion
	list    func(*argosyv1.ListArtifactsRequest) (*argosyv1.ListArtifactsResponse, error)
	refuse  func(context.Context) error
	play    *playback
}

// against runs a client of a server that plays a script.
func against(ctx context.Context, played *script, use func(*argosy.Client) error) (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	argosyv1.RegisterArtifactServiceServer(server, played)
	argosyv1.RegisterBlobServiceServer(server, played)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		err = errors.Join(err, <-ended)
	}()
	client, err := argosy.Connect(ctx, argosy.WithServer("grpc://"+listener.Addr().String()), argosy.WithProject("vectors"),
		argosy.WithConnectTimeout(time.Minute))
	if err != nil {
		return err
	}
	return errors.Join(use(client), client.Close())
}

func (*script) GetCapabilities(context.Context, *argosyv1.GetCapabilitiesRequest) (*argosyv1.GetCapabilitiesResponse, error) {
	return &argosyv1.GetCapabilitiesResponse{
		ProtocolRevision: 1, OldestProtocolRevision: 1, ServerVersion: "vectors", StoreId: "vectors",
		PreferredChunkBytes: 1 << 20, MaxChunkBytes: 2 << 20, MaxInlineBytes: 1 << 20, MaxFiles: 16384, MaxDigests: 16384,
		MaxBatchBytes: 2 << 20, MaxBatchItems: 1000, MarkBytes: 16 << 20,
		BlobLease: durationpb.New(24 * time.Hour), UploadLease: durationpb.New(24 * time.Hour), RunLease: durationpb.New(time.Minute),
	}, nil
}

func (*script) FindMissingBlobs(_ context.Context, r *argosyv1.FindMissingBlobsRequest) (*argosyv1.FindMissingBlobsResponse, error) {
	return &argosyv1.FindMissingBlobsResponse{MissingDigests: r.GetDigests()}, nil
}

func (*script) CreateArtifactVersion(
	_ context.Context, r *argosyv1.CreateArtifactVersionRequest,
) (*argosyv1.CreateArtifactVersionResponse, error) {
	return &argosyv1.CreateArtifactVersionResponse{ArtifactVersion: &argosyv1.ArtifactVersion{Name: r.GetSpec().GetName(), Version: "1"}}, nil
}

func (s *script) GetArtifactVersion(context.Context, *argosyv1.GetArtifactVersionRequest) (*argosyv1.GetArtifactVersionResponse, error) {
	return &argosyv1.GetArtifactVersionResponse{ArtifactVersion: s.version}, nil
}

func (s *script) ListArtifacts(_ context.Context, r *argosyv1.ListArtifactsRequest) (*argosyv1.ListArtifactsResponse, error) {
	return s.list(r)
}

func (s *script) SetAlias(ctx context.Context, _ *argosyv1.SetAliasRequest) (*argosyv1.SetAliasResponse, error) {
	return nil, s.refuse(ctx)
}

func (s *script) BatchReadBlobs(_ context.Context, r *argosyv1.BatchReadBlobsRequest) (*argosyv1.BatchReadBlobsResponse, error) {
	answer := &argosyv1.BatchReadBlobsResponse{}
	for range r.GetDigests() {
		answer.Results = append(answer.Results, &argosyv1.ReadBlobResult{Status: &argosyv1.ItemStatus{}, Content: pattern(3)})
	}
	return answer, nil
}

// pattern is the content of the vectors: byte i is i modulo 251.
func pattern(size int64) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i % 251)
	}
	return content
}
