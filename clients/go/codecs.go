package argosy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"example.com/argosy/clients/go/npy"
	"example.com/argosy/clients/go/tagjson"
)

// Where the formats keep their files.
const (
	textPath      = "data.txt"
	bytesPath     = "data.bin"
	jsonPath      = "data.json"
	arrayPath     = "data.npy"
	directoryPath = "directory.json"
	contentPrefix = "content/"
)

// encodeText keeps text as such when it is UTF-8; with lone surrogates it is a document, as in Python.
func encodeText(ctx context.Context, text string) (*Content, error) {
	if !utf8.ValidString(text) {
		return encodeJSON(ctx, text)
	}
	return &Content{Format: FormatText, Files: []File{BytesFile(textPath, []byte(text))}}, nil
}

func decodeText(ctx context.Context, artifact *Artifact, target *string) error {
	content, err := artifact.ReadFile(ctx, textPath)
	if err != nil {
		return err
	}
	if !utf8.Valid(content) {
		return artifact.refuse("its bytes are not UTF-8; read them with Open")
	}
	*target = string(content)
	return nil
}

func encodeArray(array *npy.Array) (*Content, error) {
	var file bytes.Buffer
	if err := npy.Write(&file, array); err != nil {
		return nil, err
	}
	return &Content{Format: FormatNPY, Files: []File{BytesFile(arrayPath, file.Bytes())}}, nil
}

func decodeArray(ctx context.Context, artifact *Artifact, target *npy.Array) error {
	if artifact.Format != FormatNPY {
		return artifact.refuse("it cannot be loaded into an *npy.Array; " + cureOf(artifact.Format))
	}
	content, err := artifact.ReadFile(ctx, arrayPath)
	if err != nil {
		return err
	}
	array, err := npy.Read(bytes.NewReader(content))
	var dtype *npy.DtypeError
	if errors.As(err, &dtype) {
		return artifact.refuse(fmt.Sprintf("its elements are of dtype %q, for which Go has no type; %s", dtype.Dtype, dtype.Cure))
	}
	if err != nil {
		return err
	}
	*target = *array
	return nil
}

// encodeJSON keeps a value as a document; what JSON has no form for are parts with files of their own.
func encodeJSON(ctx context.Context, value any) (_ *Content, err error) {
	content := &Content{Format: FormatJSON}
	var done []func() error
	content.Done = func() error {
		var failed error
		for _, end := range done {
			failed = errors.Join(failed, end())
		}
		return failed
	}
	parts := 0
	writer := tagjson.Writer{Nested: func(value any) (tagjson.Nested, bool, error) {
		part, where, err := encodePart(ctx, value)
		if part == nil || err != nil {
			return where, false, err
		}
		where.At, where.Format = fmt.Sprintf("items/%d", parts), part.Format
		parts++
		for _, file := range part.Files {
			file.path = where.At + "/" + file.path
			content.Files = append(content.Files, file)
		}
		if part.Done != nil {
			done = append(done, part.Done)
		}
		return where, true, nil
	}}
	document, err := writer.Marshal(value)
	if err != nil {
		return nil, errors.Join(err, content.Done())
	}
	content.Files = append(content.Files, BytesFile(jsonPath, document))
	return content, nil
}

// encodePart returns nil for a value that is no part of its own.
func encodePart(ctx context.Context, value any) (part *Content, python tagjson.Nested, err error) {
	switch value := value.(type) {
	case []byte:
		python = tagjson.Nested{Materializer: "argosy.bytes", Type: "builtins:bytes"}
	case *npy.Array:
		python = tagjson.Nested{Materializer: "argosy.numpy", Type: "numpy:ndarray"}
	case Encoder, Path: // Python goes by the format
	case *Artifact:
		return nil, python, fmt.Errorf("it is a part of another version, in format %q; put a value in its place", value.Format)
	default:
		return nil, python, nil
	}
	part, err = encode(ctx, value)
	return part, python, err
}

// decodeJSON reads a document, and the parts of other formats it refers to. What Python keeps beside a
// document (state.json) only matters to the Python class and is left alone.
func decodeJSON(ctx context.Context, artifact *Artifact, destination any) error {
	document, err := artifact.ReadFile(ctx, jsonPath)
	if err != nil {
		return err
	}
	reader := tagjson.Reader{Nested: func(where tagjson.Nested) (any, error) {
		part := *artifact
		part.Format, part.Root = where.Format, artifact.Root+where.At+"/"
		switch part.Format {
		case FormatParquet, FormatFile, FormatDirectory:
			return &part, nil
		}
		var value any
		err := decode(ctx, &part, &value)
		return value, err
	}}
	return reader.Unmarshal(document, destination)
}

// directoryRecord is directory.json.
type directoryRecord struct {
	Name             string   `json:"name"`
	EmptyDirectories []string `json:"empty_directories"`
}

// encodePath keeps a file or a directory from disk.
func encodePath(path string) (*Content, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		file, err := DiskFile(filepath.Base(path), path)
		if err != nil {
			return nil, err
		}
		return &Content{Format: FormatFile, Files: []File{file}}, nil
	}
	// A walk that begins at a link to a directory would end there.
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	record := directoryRecord{Name: filepath.Base(path), EmptyDirectories: []string{}}
	if err := checkName(record.Name); err != nil {
		return nil, fmt.Errorf("argosy: the name of the directory %s is refused: %w", path, err)
	}
	content := &Content{Format: FormatDirectory}
	err = filepath.WalkDir(path, func(found string, entry fs.DirEntry, err error) error {
		if err != nil || found == path {
			return err
		}
		return content.addEntry(&record, path, found, entry)
	})
	if err != nil {
		return nil, fmt.Errorf("argosy: %w", err)
	}
	slices.Sort(record.EmptyDirectories)
	document, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	content.Files = append(content.Files, BytesFile(directoryPath, document))
	return content, nil
}

func (c *Content) addEntry(record *directoryRecord, top, found string, entry fs.DirEntry) error {
	relative, err := filepath.Rel(top, found)
	if err != nil {
		return err
	}
	relative = filepath.ToSlash(relative)
	switch {
	case entry.IsDir():
		below, err := os.ReadDir(found)
		if err == nil && len(below) == 0 {
			err = checkPath(relative)
			record.EmptyDirectories = append(record.EmptyDirectories, relative)
		}
		return err
	case !entry.Type().IsRegular():
		return fmt.Errorf("%s is neither a file nor a directory; remove it, or put what it leads to in its place", found)
	default:
		file, err := DiskFile(contentPrefix+relative, found)
		c.Files = append(c.Files, file)
		return err
	}
}
