package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	argosy "example.com/argosy/clients/go"
)

type errorVector struct {
	Name          string            `json:"name"`
	Code          string            `json:"code"`
	Message       string            `json:"message"`
	DetailsBase64 string            `json:"details_base64"`
	Reason        string            `json:"reason"`
	Metadata      map[string]string `json:"metadata"`
	Retry         string            `json:"retry"`
}

func errorChecks(content []byte) ([]check, error) {
	file, err := decoded[struct{ Vectors []errorVector }](content)
	var checks []check
	for _, vector := range file.Vectors {
		checks = append(checks, check{vector.Name, vector.run})
	}
	return checks, err
}

// codeOf is the status code of a name such as NOT_FOUND.
func codeOf(name string) (codes.Code, error) {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		var words strings.Builder
		for i, letter := range strings.ReplaceAll(code.String(), "OK", "Ok") {
			if i > 0 && unicode.IsUpper(letter) {
				words.WriteByte('_')
			}
			words.WriteRune(unicode.ToUpper(letter))
		}
		if words.String() == strings.ReplaceAll(name, "CANCELLED", "CANCELED") {
			return code, nil
		}
	}
	return codes.Unknown, fmt.Errorf("%s is no status code", name)
}

func (v errorVector) run(ctx context.Context) error {
	code, err := codeOf(v.Code)
	if err != nil {
		return err
	}
	details, err := base64.StdEncoding.DecodeString(v.DetailsBase64)
	if err != nil {
		return err
	}
	played := &script{refuse: func(ctx context.Context) error {
		if len(details) > 0 {
			if err := grpc.SetTrailer(ctx, metadata.Pairs("grpc-status-details-bin", string(details))); err != nil {
				return err
			}
		}
		return status.Error(code, v.Message)
	}}
	return against(ctx, played, func(client *argosy.Client) error {
		_, err := client.SetAlias(ctx, "name", "alias")
		return v.compare(err, code)
	})
}

func (v errorVector) compare(err error, code codes.Code) error {
	var refused *argosy.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("it became %w", err)
	}
	if refused.Code != code || string(refused.Reason) != v.Reason || v.Reason != "" && !errors.Is(err, argosy.Reason(v.Reason)) {
		return fmt.Errorf("it became %s, %s", refused.Code, refused.Reason)
	}
	if v.Reason != "" && !maps.Equal(refused.Metadata, v.Metadata) {
		return fmt.Errorf("its metadata became %v", refused.Metadata)
	}
	if !strings.Contains(refused.Message, v.Message) {
		return fmt.Errorf("its message became %q", refused.Message)
	}
	// What an upload or a watch does about its own reasons the other vectors and tests show.
	mayRepeat := v.Retry == "call" || v.Retry == "upload" && (v.Reason == "" || v.Reason == "TOO_MUCH")
	if refused.Temporary() != mayRepeat {
		return fmt.Errorf("the same call may help: %t, the vector says %s", refused.Temporary(), v.Retry)
	}
	return nil
}
