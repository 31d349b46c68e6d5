package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"lukechampine.com/blake3"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
	"example.com/argosy/clients/go/internal/endpoint"
)

// pattern is the content of the vectors: byte i is i modulo 251.
func pattern(size int64) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i % 251)
	}
	return content
}

func digestOf(content []byte) string { return fmt.Sprintf("blake3:%x", blake3.Sum256(content)) }

type digestVector struct {
	SizeBytes int64  `json:"size_bytes"`
	Digest    string `json:"digest"`
}

func (v digestVector) name() string { return strconv.FormatInt(v.SizeBytes, 10) + " bytes" }

func (v digestVector) run(context.Context) error {
	if have := digestOf(pattern(v.SizeBytes)); have != v.Digest {
		return fmt.Errorf("the digest is %s, not %s", have, v.Digest)
	}
	return nil
}

type textVector struct {
	Text  string `json:"text"`
	Valid bool   `json:"valid"`
}

func (v textVector) name() string { return fmt.Sprintf("%.60q", v.Text) }

func (v textVector) verdict(err error) error {
	if (err == nil) != v.Valid {
		return fmt.Errorf("valid: %t, but the client says %w", v.Valid, errors.Join(err, errors.New("(that is all)")))
	}
	return nil
}

type projectVector struct{ textVector }

func (v projectVector) run(ctx context.Context) error {
	ended, cancel := context.WithCancel(ctx)
	cancel() // what is malformed is told before anything is sent
	_, err := argosy.Connect(ended, argosy.WithServer("grpc://127.0.0.1:1"), argosy.WithProject(v.Text))
	var setting *argosy.SettingError
	if !errors.As(err, &setting) {
		err = nil
	}
	return v.verdict(err)
}

type addressVector struct {
	textVector
	IsSecure bool     `json:"is_secure"`
	Servers  []string `json:"servers"`
}

func (v addressVector) run(context.Context) error {
	found, err := endpoint.Parse(v.Text)
	if err == nil && (found.Secure != v.IsSecure || !slices.Equal(found.Hosts, v.Servers)) {
		return fmt.Errorf("it names %v, not %v", found, v.Servers)
	}
	return v.verdict(err)
}

type pathVector struct{ textVector }

// run downloads a version with such a path: it appears whole, or nothing does.
func (v pathVector) run(ctx context.Context) (err error) {
	top, err := os.MkdirTemp("", "argosy-vectors-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(top)) }()
	version := &argosyv1.ArtifactVersion{Name: "paths", Version: "1", Format: "vectors", Files: []*argosyv1.ArtifactFile{
		{Path: "first", Digest: digestOf(pattern(3)), SizeBytes: 3},
		{Path: v.Text, Digest: digestOf(pattern(3)), SizeBytes: 3},
	}}
	answer := func(reply proto.Message) error {
		proto.Merge(reply, &argosyv1.GetArtifactVersionResponse{ArtifactVersion: version, Contents: [][]byte{pattern(3), pattern(3)}})
		return nil
	}
	return against(ctx, "GetArtifactVersion", answer, func(client *argosy.Client) error {
		_, err := client.Download(ctx, "paths", filepath.Join(top, "out"))
		if err != nil {
			left, readErr := os.ReadDir(top)
			if len(left) > 0 || readErr != nil {
				return fmt.Errorf("%v is left, %w", left, errors.Join(readErr, err))
			}
			return v.verdict(err)
		}
		content, err := os.ReadFile(filepath.Join(top, "out", v.Text))
		if err != nil || !bytes.Equal(content, pattern(3)) {
			return fmt.Errorf("it became %x, %w", content, err)
		}
		return v.verdict(nil)
	})
}
