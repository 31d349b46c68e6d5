package argosy

import (
	"context"
	"fmt"
	"iter"

	"github.com/google/uuid"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Get returns the record of a version with its files, without their bytes.
func (c *Client) Get(ctx context.Context, name string, selections ...Selection) (*ArtifactVersion, error) {
	selector, err := selectorOf(name, selections)
	if err != nil {
		return nil, fmt.Errorf("get %q: %w", name, err)
	}
	answer, err := c.getVersion(ctx, selector, 0)
	if err != nil {
		return nil, fmt.Errorf("get %q: %w", name, err)
	}
	return answer.GetArtifactVersion(), nil
}

// SetAlias points an alias of an artifact at one of its versions: that of the selections, or the
// latest. Readers see the old version or the new one, nothing in between.
func (c *Client) SetAlias(ctx context.Context, name string, alias Alias, selections ...Selection) (*ArtifactVersion, error) {
	selector, err := selectorOf(name, selections)
	if err != nil {
		return nil, fmt.Errorf("set alias %q of %q: %w", alias, name, err)
	}
	request := &argosyv1.SetAliasRequest{
		Project: c.settings.project, RequestId: uuid.NewString(), Alias: string(alias), Selector: selector,
	}
	answer, err := unary(ctx, c, callAttempts, c.artifacts.SetAlias, request)
	if err != nil {
		return nil, fmt.Errorf("set alias %q of %q: %w", alias, name, err)
	}
	return answer.GetArtifactVersion(), nil
}

// DeleteAlias removes an alias; the version stays.
func (c *Client) DeleteAlias(ctx context.Context, name string, alias Alias) error {
	request := &argosyv1.DeleteAliasRequest{
		Project: c.settings.project, RequestId: uuid.NewString(), Name: name, Alias: string(alias),
	}
	if _, err := unary(ctx, c, callAttempts, c.artifacts.DeleteAlias, request); err != nil {
		return fmt.Errorf("delete alias %q of %q: %w", alias, name, err)
	}
	return nil
}

// List yields the artifacts whose name contains a text, without regard to case, each with its latest
// version; all of them for an empty text. Pages are asked for when they are needed.
func (c *Client) List(ctx context.Context, nameContains string) iter.Seq2[*argosyv1.ArtifactSummary, error] {
	return pages(func(token string) ([]*argosyv1.ArtifactSummary, string, error) {
		request := &argosyv1.ListArtifactsRequest{Project: c.settings.project, NameContains: nameContains, PageToken: token}
		answer, err := unary(ctx, c, callAttempts, c.artifacts.ListArtifacts, request)
		return answer.GetArtifacts(), answer.GetNextPageToken(), err
	})
}

// Versions yields the versions of an artifact, newest first and without their files. An empty name
// means those of all artifacts.
func (c *Client) Versions(ctx context.Context, name string, options ...ListOption) iter.Seq2[*ArtifactVersion, error] {
	request := &argosyv1.ListArtifactVersionsRequest{Project: c.settings.project, Name: name}
	for _, option := range options {
		if err := option.list(request); err != nil {
			return func(yield func(*ArtifactVersion, error) bool) { yield(nil, err) }
		}
	}
	return pages(func(token string) ([]*ArtifactVersion, string, error) {
		// Each loop over the result asks with a request of its own.
		page := &argosyv1.ListArtifactVersionsRequest{
			Project: request.Project, Name: request.Name, PipelineName: request.PipelineName, Tag: request.Tag,
			Metadata: request.Metadata, PageToken: token,
		}
		answer, err := unary(ctx, c, callAttempts, c.artifacts.ListArtifactVersions, page)
		return answer.GetArtifactVersions(), answer.GetNextPageToken(), err
	})
}

// pages yields what the pages hold one after the other, or an error and nothing after it.
func pages[Item any](get func(token string) ([]Item, string, error)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for token := ""; ; {
			items, next, err := get(token)
			if err != nil {
				var none Item
				yield(none, fmt.Errorf("list: %w", err))
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			token = next
		}
	}
}
