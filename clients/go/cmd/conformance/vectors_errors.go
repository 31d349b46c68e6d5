package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

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

func (v errorVector) name() string { return v.Name }

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
	told := &spb.Status{Code: int32(code), Message: v.Message}
	if proto.Unmarshal(details, told) != nil || len(details) == 0 { // what cannot be read grpc-go takes for none
		told = &spb.Status{Code: int32(code), Message: v.Message}
	}
	refuse := func(proto.Message) error { return status.ErrorProto(told) }
	return against(ctx, "SetAlias", refuse, func(client *argosy.Client) error {
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
