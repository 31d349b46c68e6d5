package argosy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/google/uuid"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
	"example.com/argosy/clients/go/npy"
)

// The formats every client reads; docs/formats.md tells their layouts.
const (
	FormatJSON      = "json"
	FormatText      = "text"
	FormatBytes     = "bytes"
	FormatNPY       = "npy"
	FormatParquet   = "parquet"
	FormatFile      = "file"
	FormatDirectory = "directory"

	// inlineBytes is up to which size a version comes whole in one call.
	inlineBytes = 1 << 20
)

// Path names a file or directory on disk, to be saved in format "file" or "directory".
type Path string

// JSON saves a value as format "json" whose type would mean another one: a string, bytes.
type JSON struct{ Value any }

// EncodeArtifact makes it an [Encoder].
func (j JSON) EncodeArtifact(ctx context.Context) (*Content, error) { return encodeJSON(ctx, j.Value) }

// Content is a value as the files it is kept as.
type Content struct {
	// Format is the layout of the files, a name of docs/formats.md or one of your own.
	Format string
	Files  []File
	// Done, where it is set, is called when the files are not needed any more.
	Done func() error
}

// Encoder is a value that knows the files it is kept as.
type Encoder interface {
	EncodeArtifact(context.Context) (*Content, error)
}

// Decoder is a value that is read from the files of a version.
type Decoder interface {
	DecodeArtifact(context.Context, *Artifact) error
}

// Artifact is a version whose files can be read; every byte of them is verified.
type Artifact struct {
	// Version is its record.
	Version *ArtifactVersion
	// Format is the layout of the files below Root, which is not empty for a part of a json document.
	Format, Root string
	client       *Client
	from         *found
}

// Save makes a new version of an artifact and returns it as it is visible then. The value is one of
//
//   - an [Encoder]
//   - a string, as format "text"
//   - a []byte or io.Reader, as "bytes". A reader that can be read at any place (a file, bytes.Reader,
//     strings.Reader) is read from where it stands; any other is kept in memory up to 1 MiB and in a
//     temporary file beyond it first, since a broken upload has to read it again
//   - an [*npy.Array], as "npy"
//   - a [Path], as "file" or "directory"
//   - anything else, as "json"; [JSON] makes it that for the types above. Inside of it, long bytes,
//     arrays, paths and encoders are parts with files of their own
//
// Bytes the project has already are not sent. When Save fails there is no version; an upload under
// way is given up.
func (c *Client) Save(ctx context.Context, name string, value any, options ...SaveOption) (*ArtifactVersion, error) {
	version, err := c.save(ctx, name, value, options)
	if err != nil {
		return nil, fmt.Errorf("save %q: %w", name, err)
	}
	return version, nil
}

func (c *Client) save(ctx context.Context, name string, value any, options []SaveOption) (_ *ArtifactVersion, err error) {
	spec, err := specOf(name, options)
	if err != nil {
		return nil, err
	}
	content, err := encode(ctx, value)
	if err != nil {
		return nil, err
	}
	if content.Done != nil {
		defer func() { err = errors.Join(err, content.Done()) }()
	}
	spec.Format = content.Format
	for i := range content.Files {
		content.Files[i].sent = spec.sent
	}
	// One intention, whatever it takes to make it come true.
	request := &argosyv1.CreateArtifactVersionRequest{Project: c.settings.project, RequestId: uuid.NewString(), Spec: spec.ArtifactSpec}
	answer, err := commit(ctx, c, content.Files, func(files []*argosyv1.NewArtifactFile) (*argosyv1.CreateArtifactVersionResponse, error) {
		request.Files = files
		return unary(ctx, c, transferAttempts, c.artifacts.CreateArtifactVersion, request)
	})
	return answer.GetArtifactVersion(), err
}

// Load reads a version into the value destination points at, and returns its record. The destination
// is one of
//
//   - a [Decoder]
//   - a *string for format "text"
//   - a *[]byte for "bytes", or the content of a "file"
//   - an [*npy.Array] for "npy"
//   - an *any for each of these and "json", which then holds a string, []byte, [*npy.Array], or what
//     package tagjson says; a table, file or directory inside of a document is an [*Artifact] there
//   - any other pointer for "json", as with encoding/json
//
// A [*FormatError] says that the format cannot be put there. Nothing is put there before all bytes
// were verified.
func (c *Client) Load(ctx context.Context, name string, destination any, selections ...Selection) (*ArtifactVersion, error) {
	artifact, err := c.artifact(ctx, name, selections)
	if err != nil {
		return nil, fmt.Errorf("load %q: %w", name, err)
	}
	if err := decode(ctx, artifact, destination); err != nil {
		return nil, fmt.Errorf("load %q: %w", name, err)
	}
	return artifact.Version, nil
}

func (c *Client) artifact(ctx context.Context, name string, selections []Selection) (*Artifact, error) {
	selector, err := selectorOf(name, selections)
	if err != nil {
		return nil, err
	}
	from, err := c.find(ctx, selector)
	if err != nil {
		return nil, err
	}
	return &Artifact{Version: from.version, Format: from.version.GetFormat(), client: c, from: from}, nil
}

func encode(ctx context.Context, value any) (*Content, error) {
	switch value := value.(type) {
	case Encoder:
		if isNil(value) {
			return nil, fmt.Errorf("argosy: the %T to save is nil", value)
		}
		return value.EncodeArtifact(ctx)
	case string:
		return encodeText(ctx, value)
	case []byte:
		return &Content{Format: FormatBytes, Files: []File{BytesFile(bytesPath, value)}}, nil
	case *npy.Array:
		if value == nil {
			return nil, errors.New("argosy: the *npy.Array to save is nil")
		}
		return encodeArray(value)
	case npy.Array:
		return encodeArray(&value)
	case Path:
		return encodePath(string(value))
	case io.Reader:
		return encodeReader(value)
	default:
		return encodeJSON(ctx, value)
	}
}

func isNil(value any) bool {
	pointer := reflect.ValueOf(value)
	return value == nil || pointer.Kind() == reflect.Pointer && pointer.IsNil()
}

// sizedReader can be read at any place.
type sizedReader interface {
	io.ReaderAt
	io.Seeker
}

func encodeReader(content io.Reader) (*Content, error) {
	if sized, ok := content.(sizedReader); ok && isRegular(content) {
		begin, err := sized.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("argosy: %w", err)
		}
		end, err := sized.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, fmt.Errorf("argosy: %w", err)
		}
		section := io.NewSectionReader(sized, begin, end-begin)
		return &Content{Format: FormatBytes, Files: []File{ReaderFile(bytesPath, section, section.Size())}}, nil
	}
	file, done, err := spool(bytesPath, content, inlineBytes)
	if err != nil {
		return nil, err
	}
	return &Content{Format: FormatBytes, Files: []File{file}, Done: done}, nil
}

// isRegular tells pipes and sockets, which cannot be read twice, from files.
func isRegular(content io.Reader) bool {
	file, ok := content.(*os.File)
	if !ok {
		return true
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// decode puts a value where destination points.
func decode(ctx context.Context, artifact *Artifact, destination any) error {
	if isNil(destination) {
		return fmt.Errorf("argosy: the destination is nil (%T); give a pointer to a value", destination)
	}
	switch target := destination.(type) {
	case Decoder:
		return target.DecodeArtifact(ctx, artifact)
	case *any:
		return decodeAny(ctx, artifact, target)
	case *string:
		if artifact.Format == FormatText {
			return decodeText(ctx, artifact, target)
		}
	case *[]byte:
		if artifact.Format == FormatBytes || artifact.Format == FormatFile {
			content, err := artifact.only(ctx)
			if err == nil {
				*target = content
			}
			return err
		}
	case *npy.Array:
		return decodeArray(ctx, artifact, target)
	}
	if artifact.Format != FormatJSON {
		return artifact.refuse(fmt.Sprintf("it cannot be loaded into a %T; %s", destination, cureOf(artifact.Format)))
	}
	return decodeJSON(ctx, artifact, destination)
}

func decodeAny(ctx context.Context, artifact *Artifact, target *any) (err error) {
	switch artifact.Format {
	case FormatJSON:
		return decodeJSON(ctx, artifact, target)
	case FormatText:
		var text string
		if err = decodeText(ctx, artifact, &text); err == nil {
			*target = text
		}
	case FormatBytes:
		var content []byte
		if content, err = artifact.only(ctx); err == nil {
			*target = content
		}
	case FormatNPY:
		array := &npy.Array{}
		if err = decodeArray(ctx, artifact, array); err == nil {
			*target = array
		}
	default:
		return artifact.refuse(cureOf(artifact.Format))
	}
	return err
}

func cureOf(format string) string {
	switch format {
	case FormatText:
		return "load it into a *string"
	case FormatBytes:
		return "load it into a *[]byte, or read it with Open"
	case FormatNPY:
		return "load it into an *npy.Array"
	case FormatJSON:
		return "load it into a pointer to a struct, map or any"
	case FormatParquet:
		return "load it into a *parquet.Table of the module clients/go/parquet"
	case FormatFile, FormatDirectory:
		return "write it to disk with Download, or read it with Open"
	case "reference":
		return "its files lie outside of the store; let the producer save the files themselves"
	case "cloudpickle", "skops":
		return "only Python can load it; let the producer publish a neutral format: arrays as npy, tables as parquet, " +
			"settings as json, a model as an ONNX file saved by pathlib.Path"
	default:
		return "this client makes no value of it; read its files with Open or Download, load it into an argosy.Decoder that knows " +
			"it, or let the producer publish a neutral one (json, npy, parquet, text, bytes, file)"
	}
}
