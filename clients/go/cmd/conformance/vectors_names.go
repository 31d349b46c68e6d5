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

	"github.com/zeebo/blake3"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
	"example.com/argosy/clients/go/internal/endpoint"
)

func digestOf(content []byte) string { return fmt.Sprintf("blake3:%x", blake3.Sum256(content)) }

func digestChecks(content []byte) ([]check, error) {
	file, err := decoded[struct {
		Contents []struct {
			SizeBytes int64  `json:"size_bytes"`
			Digest    string `json:"digest"`
		}
	}](content)
	var checks []check
	for _, vector := range file.Contents {
		checks = append(checks, check{strconv.FormatInt(vector.SizeBytes, 10) + " bytes", func(context.Context) error {
			if have := digestOf(pattern(vector.SizeBytes)); have != vector.Digest {
				return fmt.Errorf("the digest is %s, not %s", have, vector.Digest)
			}
			return nil
		}})
	}
	return checks, err
}

type nameVector struct {
	Text     string   `json:"text"`
	Valid    bool     `json:"valid"`
	IsSecure bool     `json:"is_secure"`
	Servers  []string `json:"servers"`
}

// nameChecks are those of projects, paths on disk and addresses; the other names only the server checks.
func nameChecks(content []byte) ([]check, error) {
	file, err := decoded[struct {
		Projects   []nameVector `json:"projects"`
		LocalPaths []nameVector `json:"local_paths"`
		Addresses  []nameVector `json:"addresses"`
	}](content)
	var checks []check
	for _, kind := range []struct {
		name    string
		vectors []nameVector
		run     func(context.Context, nameVector) error
	}{
		{"project", file.Projects, checkProject}, {"path", file.LocalPaths, checkLocalPath}, {"address", file.Addresses, checkAddress},
	} {
		for _, vector := range kind.vectors {
			name := fmt.Sprintf("%s %.60q", kind.name, vector.Text)
			checks = append(checks, check{name, func(ctx context.Context) error { return kind.run(ctx, vector) }})
		}
	}
	return checks, err
}

func verdict(err error, valid bool) error {
	if (err == nil) != valid {
		return fmt.Errorf("valid: %t, but the client says %w", valid, errors.Join(err, errors.New("(that is all)")))
	}
	return nil
}

func checkProject(ctx context.Context, vector nameVector) error {
	ended, cancel := context.WithCancel(ctx)
	cancel() // what is malformed is told before anything is sent
	_, err := argosy.Connect(ended, argosy.WithServer("grpc://127.0.0.1:1"), argosy.WithProject(vector.Text))
	var setting *argosy.SettingError
	if !errors.As(err, &setting) {
		err = nil
	}
	return verdict(err, vector.Valid)
}

func checkAddress(_ context.Context, vector nameVector) error {
	found, err := endpoint.Parse(vector.Text)
	if err == nil && (found.Secure != vector.IsSecure || !slices.Equal(found.Hosts, vector.Servers)) {
		return fmt.Errorf("it names %v, not %v", found, vector.Servers)
	}
	return verdict(err, vector.Valid)
}

// checkLocalPath downloads a version with such a path: it appears whole, or nothing does.
func checkLocalPath(ctx context.Context, vector nameVector) (err error) {
	top, err := os.MkdirTemp("", "argosy-vectors-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(top)) }()
	version := &argosyv1.ArtifactVersion{Name: "paths", Version: "1", Format: "vectors", Files: []*argosyv1.ArtifactFile{
		{Path: "first", Digest: digestOf(pattern(3)), SizeBytes: 3},
		{Path: vector.Text, Digest: digestOf(pattern(3)), SizeBytes: 3},
	}}
	return against(ctx, &script{version: version}, func(client *argosy.Client) error {
		_, err := client.Download(ctx, "paths", filepath.Join(top, "out"))
		if err != nil {
			left, readErr := os.ReadDir(top)
			if len(left) > 0 || readErr != nil {
				return fmt.Errorf("%v is left, %w", left, errors.Join(readErr, err))
			}
			return verdict(err, vector.Valid)
		}
		content, err := os.ReadFile(filepath.Join(top, "out", vector.Text))
		if err != nil || !bytes.Equal(content, pattern(3)) {
			return fmt.Errorf("it became %x, %w", content, err)
		}
		return verdict(nil, vector.Valid)
	})
}

type pageVector struct {
	Name  string
	Calls []struct {
		PageToken string `json:"page_token"`
		Answer    struct {
			Items         []string `json:"items"`
			NextPageToken string   `json:"next_page_token"`
		}
	}
	Items []string
}

func pageChecks(content []byte) ([]check, error) {
	file, err := decoded[struct{ Vectors []pageVector }](content)
	var checks []check
	for _, vector := range file.Vectors {
		checks = append(checks, check{vector.Name, vector.run})
	}
	return checks, err
}

func (v pageVector) run(ctx context.Context) error {
	calls := 0
	played := &script{list: func(r *argosyv1.ListArtifactsRequest) (*argosyv1.ListArtifactsResponse, error) {
		if calls == len(v.Calls) || r.GetPageToken() != v.Calls[calls].PageToken {
			return nil, fmt.Errorf("call %d has the token %q", calls, r.GetPageToken())
		}
		answer := &argosyv1.ListArtifactsResponse{NextPageToken: v.Calls[calls].Answer.NextPageToken}
		for _, name := range v.Calls[calls].Answer.Items {
			answer.Artifacts = append(answer.Artifacts, &argosyv1.ArtifactSummary{Name: name})
		}
		calls++
		return answer, nil
	}}
	return against(ctx, played, func(client *argosy.Client) error {
		var items []string
		for summary, err := range client.List(ctx, "") {
			if err != nil {
				return err
			}
			items = append(items, summary.GetName())
		}
		if calls != len(v.Calls) || !slices.Equal(items, v.Items) {
			return fmt.Errorf("%d of %d calls, items %q", calls, len(v.Calls), items)
		}
		return nil
	})
}
