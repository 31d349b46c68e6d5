// Package argosy saves and loads artifacts of an Argosy server.
//
// It is a thin layer over the generated stubs in argosy/v1: it makes request ids, cuts bytes into
// chunks and checks every byte it receives against the BLAKE3 digest the store keeps for it.
//
//	client, err := argosy.Dial("grpc://127.0.0.1:50051", "default")
//	weights, err := client.Load(ctx, "weights", argosy.Alias("prod"))
package argosy

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Client speaks to one project of one server. It is safe for concurrent use.
type Client struct {
	project   string
	artifacts argosyv1.ArtifactServiceClient
	close     func() error
}

// Dial prepares a connection to a server that prints itself as "grpc://host:port"; the scheme may
// be left out. The connection is made with the first call, in plain text unless options say
// otherwise. An empty project means "default".
func Dial(address, project string, options ...grpc.DialOption) (*Client, error) {
	target, hasScheme := strings.CutPrefix(address, "grpc://")
	if !hasScheme && strings.Contains(address, "://") {
		return nil, fmt.Errorf("argosy: address %q: want grpc://host:port", address)
	}
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection, err := grpc.NewClient(target, append([]grpc.DialOption{plain}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("argosy: address %q: %w", address, err)
	}
	if project == "" {
		project = "default"
	}
	artifacts := argosyv1.NewArtifactServiceClient(connection)
	return &Client{project: project, artifacts: artifacts, close: connection.Close}, nil
}

// Close releases the connection.
func (c *Client) Close() error { return c.close() }

// Artifacts is the generated stub, for what this package does not wrap.
func (c *Client) Artifacts() argosyv1.ArtifactServiceClient { return c.artifacts }

// Selection narrows which version of an artifact is meant; without one it is the latest.
type Selection func(*argosyv1.VersionSelector)

// Version selects by label ("1", "2", … or the one it was saved with).
func Version(label string) Selection {
	return func(s *argosyv1.VersionSelector) { s.Version = label }
}

// Alias selects the version that an alias ("prod") points at now.
func Alias(alias string) Selection {
	return func(s *argosyv1.VersionSelector) { s.Alias = alias }
}

// FromPipeline selects the version in the most recent completed run of a pipeline.
func FromPipeline(pipeline string) Selection {
	return func(s *argosyv1.VersionSelector) { s.PipelineName = pipeline }
}

// Reason is the machine-readable reason of a refused call ("ARTIFACT_NOT_FOUND"), a name of
// argosyv1.ErrorReason without its prefix, or "" when the error carries none. Decide by it and
// never by the text of the message.
func Reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == "argosy" {
			return info.Reason
		}
	}
	return ""
}
