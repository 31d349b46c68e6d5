// Package argosy saves, loads and watches typed artifacts of an Argosy server.
//
//	client, err := argosy.Connect(ctx) // ARGOSY_SERVER and ARGOSY_PROJECT say where
//	version, err := client.Save(ctx, "settings", map[string]any{"rate": 0.1}, argosy.Alias("prod"))
//
//	var settings struct{ Rate float64 `json:"rate"` }
//	_, err = client.Load(ctx, "settings", &settings, argosy.Alias("prod"))
//
// Values are kept in formats every language reads (see docs/formats.md): [Client.Save] and
// [Client.Load] take any value encoding/json does, strings, bytes, arrays of package npy, files and
// directories ([Path]), and whatever implements [Encoder] and [Decoder].
//
// Every byte that is received is held against the BLAKE3 digest the store keeps for it before a
// value exists. Transfers go on where they broke, for as long as their context lets them and the
// server comes back within eight attempts. Refusals are an [*Error] with a [Reason] for errors.Is.
package argosy

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Revisions of the protocol this package speaks.
const (
	newestRevision = 1
	oldestRevision = 1
)

// ArtifactVersion is one immutable value under a name, as the server describes it.
type ArtifactVersion = argosyv1.ArtifactVersion

// Client speaks to one project of one store. It is safe for concurrent use.
type Client struct {
	settings     settings
	connection   *grpc.ClientConn
	capabilities *argosyv1.GetCapabilitiesResponse
	artifacts    argosyv1.ArtifactServiceClient
	blobs        argosyv1.BlobServiceClient
	pipelines    argosyv1.PipelineServiceClient
	finds        joinedFinds
}

// Connect finds the settings, opens a connection and asks the server for its limits. Close it when
// it is not needed any more.
//
// The error is a [*SettingError] for a malformed setting, an [*Error] of code Unavailable when no
// server answers within the connect timeout, and a [*RevisionError] when server and client are too
// far apart to understand each other.
func Connect(ctx context.Context, options ...ConnectOption) (*Client, error) {
	settings, err := resolve(options)
	if err != nil {
		return nil, err
	}
	connection, err := dial(settings)
	if err != nil {
		return nil, err
	}
	client := &Client{
		settings:   settings,
		connection: connection,
		artifacts:  argosyv1.NewArtifactServiceClient(connection),
		blobs:      argosyv1.NewBlobServiceClient(connection),
		pipelines:  argosyv1.NewPipelineServiceClient(connection),
	}
	client.finds.client = client
	if err := client.greet(ctx); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return client, nil
}

// Close releases the connection. Calls under way, watches too, end with [ErrClosed], as all later ones do.
func (c *Client) Close() error {
	if c.isClosed() {
		return nil
	}
	return c.connection.Close()
}

func (c *Client) isClosed() bool { return c.connection.GetState() == connectivity.Shutdown }

// Project is the namespace the client works in.
func (c *Client) Project() string { return c.settings.project }

// Capabilities are the limits and versions the server announced.
func (c *Client) Capabilities() *argosyv1.GetCapabilitiesResponse { return c.capabilities }

// Artifacts is the generated stub, for what this package does not wrap.
func (c *Client) Artifacts() argosyv1.ArtifactServiceClient { return c.artifacts }

// Blobs is the generated stub, for what this package does not wrap.
func (c *Client) Blobs() argosyv1.BlobServiceClient { return c.blobs }

// Pipelines is the generated stub, for what this package does not wrap.
func (c *Client) Pipelines() argosyv1.PipelineServiceClient { return c.pipelines }

// RevisionError says that server and client speak different revisions of the protocol.
type RevisionError struct {
	// Server is the address, ServerVersion what the server calls itself.
	Server, ServerVersion string
	// Oldest and Newest are the revisions the server speaks.
	Oldest, Newest int32
}

func (e *RevisionError) Error() string {
	side := "server"
	if e.Oldest > newestRevision {
		side = "client"
	}
	return fmt.Sprintf("argosy: the server at %s (version %s) speaks revisions %d to %d of the protocol, "+
		"this client %d to %d; upgrade the %s", e.Server, e.ServerVersion, e.Oldest, e.Newest, oldestRevision, newestRevision, side)
}

func (c *Client) greet(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, c.settings.connectTimeout)
	defer cancel()
	request := &argosyv1.GetCapabilitiesRequest{Project: c.settings.project}
	answer, err := c.blobs.GetCapabilities(limited, request, grpc.WaitForReady(true))
	if err != nil {
		return c.explainFirst(ctx, err)
	}
	if err := checkRevision(answer, c.settings.server); err != nil {
		return err
	}
	c.capabilities = answer
	return nil
}

func checkRevision(answer *argosyv1.GetCapabilitiesResponse, server string) error {
	if answer.GetOldestProtocolRevision() <= newestRevision && answer.GetProtocolRevision() >= oldestRevision {
		return nil
	}
	return &RevisionError{
		Server:        server,
		ServerVersion: answer.GetServerVersion(),
		Oldest:        answer.GetOldestProtocolRevision(),
		Newest:        answer.GetProtocolRevision(),
	}
}

// explainFirst tells what it means when the first call of a connection fails.
func (c *Client) explainFirst(ctx context.Context, err error) error {
	failure := c.errorOf(ctx, ctx, err)
	var known *Error
	if ctx.Err() != nil || !errors.As(failure, &known) || known.Reason != "" {
		return failure
	}
	switch known.Code {
	case codes.DeadlineExceeded:
		known.Code = codes.Unavailable
		known.Message = fmt.Sprintf("the Argosy server at %s did not answer within %s (%s); start it with `argosy-server serve`, "+
			"or correct ARGOSY_SERVER", c.settings.server, c.settings.connectTimeout, known.Message)
	case codes.Unimplemented, codes.Internal, codes.Unknown:
		known.Message = fmt.Sprintf("what answers at %s is no Argosy server: %s; correct ARGOSY_SERVER", c.settings.server, known.Message)
	}
	return known
}
