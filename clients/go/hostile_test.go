package argosy_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"lukechampine.com/blake3"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// hostile is a server that describes versions as no Argosy server does.
type hostile struct {
	argosyv1.UnimplementedArtifactServiceServer
	argosyv1.UnimplementedBlobServiceServer
	version *argosyv1.ArtifactVersion
	// contents are bytes by digest.
	contents map[string]string
	// emptyReads counts the streams that brought an empty chunk and ended early.
	emptyReads atomic.Int64
}

// startHostile returns a client of a server that has one version with these files.
func startHostile(t *testing.T, format string, files ...*argosyv1.ArtifactFile) *argosy.Client {
	t.Helper()
	client, _ := startHostileServer(t, format, files...)
	return client
}

func startHostileServer(t *testing.T, format string, files ...*argosyv1.ArtifactFile) (*argosy.Client, *hostile) {
	t.Helper()
	h := &hostile{
		version:  &argosyv1.ArtifactVersion{Name: "evil", Version: "1", Format: format, Files: files},
		contents: map[string]string{},
	}
	for _, content := range []string{"evil", emptyTree} {
		h.contents[blakeOf(content)] = content
	}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	service := grpc.NewServer()
	argosyv1.RegisterArtifactServiceServer(service, h)
	argosyv1.RegisterBlobServiceServer(service, h)
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(listener) }()
	t.Cleanup(func() {
		service.Stop()
		expect(t, <-ended, nil)
	})
	return connectTo(t, listener.Addr().String()), h
}

const emptyTree = `{"name":"tree","empty_directories":[]}`

func blakeOf(content string) string {
	digest := blake3.Sum256([]byte(content))
	return "blake3:" + hex.EncodeToString(digest[:])
}

// evilFile is a file of a version with the content "evil".
func evilFile(path string) *argosyv1.ArtifactFile {
	return &argosyv1.ArtifactFile{Path: path, Digest: blakeOf("evil"), SizeBytes: int64(len("evil"))}
}

func (h *hostile) GetCapabilities(context.Context, *argosyv1.GetCapabilitiesRequest) (*argosyv1.GetCapabilitiesResponse, error) {
	return &argosyv1.GetCapabilitiesResponse{
		ProtocolRevision: 1, OldestProtocolRevision: 1, MaxFiles: 100, MaxDigests: 100, MaxBatchBytes: 1 << 20, MaxBatchItems: 100,
	}, nil
}

func (h *hostile) GetArtifactVersion(
	context.Context, *argosyv1.GetArtifactVersionRequest,
) (*argosyv1.GetArtifactVersionResponse, error) {
	return &argosyv1.GetArtifactVersionResponse{ArtifactVersion: h.version}, nil
}

func (h *hostile) BatchReadBlobs(
	_ context.Context, r *argosyv1.BatchReadBlobsRequest,
) (*argosyv1.BatchReadBlobsResponse, error) {
	answer := &argosyv1.BatchReadBlobsResponse{}
	for _, digest := range r.GetDigests() {
		answer.Results = append(answer.Results, &argosyv1.ReadBlobResult{
			Status: &argosyv1.ItemStatus{}, Content: []byte(h.contents[digest]),
		})
	}
	return answer, nil
}

func (h *hostile) ReadBlob(r *argosyv1.ReadBlobRequest, stream grpc.ServerStreamingServer[argosyv1.ReadBlobResponse]) error {
	content := h.contents[r.GetDigest()]
	if r.GetOffset() >= int64(len(content)) {
		h.emptyReads.Add(1)
		return stream.Send(&argosyv1.ReadBlobResponse{})
	}
	return stream.Send(&argosyv1.ReadBlobResponse{Chunk: []byte(content[r.GetOffset():])})
}

func TestASizeThatIsNoneAsksForNoMemoryAndEmptyChunksAreNoProgress(t *testing.T) {
	file := evilFile("data.bin")
	file.SizeBytes = 1 << 62
	client, server := startHostileServer(t, "bytes", file)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	content := []byte("untouched")
	if _, err := client.Load(ctx, "evil", &content); err == nil || string(content) != "untouched" {
		t.Fatal(err)
	}
	// Pauses that grow from 0.2 s have room for no more; without growth there are eight and more, for ever.
	if reads := server.emptyReads.Load(); reads > 5 {
		t.Fatalf("%d reads without a byte in 3 s", reads)
	}
}

func TestAVersionWhoseFilesAreNoneOfItsFormatIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	tree := &argosyv1.ArtifactFile{Path: "directory.json", Digest: blakeOf(emptyTree), SizeBytes: int64(len(emptyTree))}
	for name, version := range map[string]struct {
		format string
		files  []*argosyv1.ArtifactFile
	}{
		"no file":                 {"file", nil},
		"two files":               {"file", []*argosyv1.ArtifactFile{evilFile("a"), evilFile("b")}},
		"a file in a directory":   {"file", []*argosyv1.ArtifactFile{evilFile("a/b")}},
		"a file outside the tree": {"directory", []*argosyv1.ArtifactFile{tree, evilFile("content/a"), evilFile("other/b")}},
		"a path twice":            {"directory", []*argosyv1.ArtifactFile{tree, evilFile("content/a"), evilFile("content/a")}},
		"a file and a directory":  {"directory", []*argosyv1.ArtifactFile{tree, evilFile("content/a"), evilFile("content/a/b")}},
	} {
		t.Run(name, func(t *testing.T) {
			client := startHostile(t, version.format, version.files...)
			parent := t.TempDir()
			_, err := client.Download(t.Context(), "evil", filepath.Join(parent, "out"))
			if !errors.As(err, new(*argosy.FormatError)) || !strings.Contains(err.Error(), version.format) {
				t.Fatal(err)
			}
			expect(t, len(must(os.ReadDir(parent))(t)), 0)
		})
	}
}

func TestAFileInADirectoryIsReadToAPathThatTheCallerChose(t *testing.T) {
	client := startHostile(t, "file", evilFile("a/b"))
	target := filepath.Join(t.TempDir(), "chosen")
	must(client.DownloadFile(t.Context(), "evil", target))(t)
	expect(t, string(must(os.ReadFile(target))(t)), "evil")
}
