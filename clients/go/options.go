package argosy

import (
	"encoding/json"
	"fmt"

	"google.golang.org/grpc/codes"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// Selection narrows which version of an artifact is meant; without one it is the latest.
type Selection interface {
	selectVersion(*argosyv1.VersionSelector) error
}

// SaveOption says more about a version to be saved.
type SaveOption interface {
	specify(*saving) error
}

// saving is what the options say of a version to be saved.
type saving struct {
	*argosyv1.ArtifactSpec
	sent Progress
}

// WatchOption narrows what is watched.
type WatchOption interface {
	narrow(*argosyv1.WatchArtifactsRequest) error
}

// ListOption narrows what is listed.
type ListOption interface {
	list(*argosyv1.ListArtifactVersionsRequest) error
}

// Version is the label of a version: "1", "2", … or the one it was saved with.
type Version string

// Alias is a name that points at one version of an artifact ("prod"). Saved with one, it points at
// the new version from the moment that is visible; watched with one, only its moves are told.
type Alias string

// FromPipeline selects the version in the most recent completed run of a pipeline.
type FromPipeline string

// Tags are labels shared by any number of versions.
type Tags []string

// Tag narrows to versions that have it.
type Tag string

// Metadata are facts about a value; each is kept as one JSON document.
type Metadata map[string]any

// Description says in words what a value is.
type Description string

// Progress is told how many bytes of a large file are sent by now, less than before after a break.
// Several goroutines call it when a value has several such files.
type Progress func(path string, sent int64)

// Cursor is where a watch goes on, see [Event].
type Cursor string

// Kinds are the kinds of events that are told.
type Kinds []argosyv1.ArtifactEventKind

func (v Version) selectVersion(s *argosyv1.VersionSelector) error {
	return choose(&s.Version, "version", string(v))
}

func (a Alias) selectVersion(s *argosyv1.VersionSelector) error {
	return choose(&s.Alias, "alias", string(a))
}

func (p FromPipeline) selectVersion(s *argosyv1.VersionSelector) error {
	return choose(&s.PipelineName, "pipeline", string(p))
}

// choose narrows to what has a name. An empty one, such as that of a setting nobody made, would not narrow at all.
func choose(target *string, what, name string) error {
	wrong := ""
	switch {
	case name == "":
		wrong = fmt.Sprintf("the %s is empty; name one, or leave it out", what)
	case *target != "":
		wrong = fmt.Sprintf("it is narrowed to the %ss %q and %q; name one", what, *target, name)
	default:
		*target = name
		return nil
	}
	return &Error{Code: codes.InvalidArgument, Reason: ErrInvalidField, Message: wrong}
}

func (v Version) specify(s *saving) error {
	s.Version = string(v)
	return nil
}

func (a Alias) specify(s *saving) error {
	s.Aliases = append(s.Aliases, string(a))
	return nil
}

func (t Tags) specify(s *saving) error {
	s.Tags = append(s.Tags, t...)
	return nil
}

func (t Tag) specify(s *saving) error {
	s.Tags = append(s.Tags, string(t))
	return nil
}

func (d Description) specify(s *saving) error {
	s.Description = string(d)
	return nil
}

func (p Progress) specify(s *saving) error {
	s.sent = p
	return nil
}

func (m Metadata) specify(s *saving) (err error) {
	s.Metadata, err = m.documents()
	return err
}

func (m Metadata) documents() (map[string]string, error) {
	documents := make(map[string]string, len(m))
	for key, value := range m {
		document, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("argosy: metadata %q: %w", key, err)
		}
		documents[key] = string(document)
	}
	return documents, nil
}

func (a Alias) narrow(r *argosyv1.WatchArtifactsRequest) error {
	return choose(&r.Alias, "alias", string(a))
}
func (t Tag) narrow(r *argosyv1.WatchArtifactsRequest) error { return choose(&r.Tag, "tag", string(t)) }

// An empty cursor is that of one who has watched nothing yet.
func (c Cursor) narrow(r *argosyv1.WatchArtifactsRequest) error {
	r.Cursor = string(c)
	return nil
}

func (k Kinds) narrow(r *argosyv1.WatchArtifactsRequest) error {
	r.Kinds = append(r.Kinds, k...)
	return nil
}

func (t Tag) list(r *argosyv1.ListArtifactVersionsRequest) error {
	return choose(&r.Tag, "tag", string(t))
}

func (p FromPipeline) list(r *argosyv1.ListArtifactVersionsRequest) error {
	return choose(&r.PipelineName, "pipeline", string(p))
}

func (m Metadata) list(r *argosyv1.ListArtifactVersionsRequest) (err error) {
	r.Metadata, err = m.documents()
	return err
}

func selectorOf(name string, selections []Selection) (*argosyv1.VersionSelector, error) {
	selector := &argosyv1.VersionSelector{Name: name}
	for _, narrow := range selections {
		if err := narrow.selectVersion(selector); err != nil {
			return nil, err
		}
	}
	return selector, nil
}

func specOf(name string, options []SaveOption) (*saving, error) {
	said := &saving{ArtifactSpec: &argosyv1.ArtifactSpec{Name: name}}
	for _, option := range options {
		if err := option.specify(said); err != nil {
			return nil, err
		}
	}
	return said, nil
}
