package main

import (
	"context"
	"errors"
	"path"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// against runs a client whose calls of one method are answered by a function, and never sent.
func against(ctx context.Context, method string, answer func(reply proto.Message) error, use func(*argosy.Client) error) error {
	intercept := func(
		_ context.Context, called string, _, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption,
	) error {
		switch path.Base(called) {
		case "GetCapabilities":
			proto.Merge(reply.(proto.Message), &argosyv1.GetCapabilitiesResponse{ProtocolRevision: 1, OldestProtocolRevision: 1})
			return nil
		case method:
			return answer(reply.(proto.Message))
		default:
			return status.Error(codes.Unimplemented, called)
		}
	}
	client, err := argosy.Connect(ctx, argosy.WithServer("grpc://127.0.0.1:1"), argosy.WithProject("vectors"),
		argosy.WithDialOptions(grpc.WithUnaryInterceptor(intercept)))
	if err != nil {
		return err
	}
	return errors.Join(use(client), client.Close())
}
