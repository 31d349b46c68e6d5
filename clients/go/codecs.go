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

func encodeText(text string) (*Content, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("argosy: the text is not UTF-8; save it as []byte")
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

func encodeArray(array *npy.Array, root string) (*Content, error) {
	var file bytes.Buffer
	if err := npy.Write(&file, array); err != nil {
		return nil, err
	}
	return &Content{Format: FormatNPY, Files: []File{BytesFile(root+arrayPath, file.Bytes())}}, nil
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
	if err != nil {
		return err
	}
	*target = *array
	return nil
}

// encodeJSON keeps a value as a document; long bytes and arrays in it are files of their own.
func encodeJSON(value any) (*Content, error) {
	content := &Content{Format: FormatJSON}
	parts := 0
	writer := tagjson.Writer{Nested: func(part any) (tagjson.Nested, bool, error) {
		where := tagjson.Nested{At: fmt.Sprintf("items/%d", parts)}
		switch part := part.(type) {
		case []byte:
			where.Format, where.Materializer, where.Type = FormatBytes, "argosy.bytes", "builtins:bytes"
			content.Files = append(content.Files, BytesFile(where.At+"/"+bytesPath, part))
		case *npy.Array:
			where.Format, where.Materializer, where.Type = FormatNPY, "argosy.numpy", "numpy:ndarray"
			array, err := encodeArray(part, where.At+"/")
			if err != nil {
				return where, false, err
			}
			content.Files = append(content.Files, array.Files...)
		default:
			return where, false, nil
		}
		parts++
		return where, true, nil
	}}
	document, err := writer.Marshal(value)
	if err != nil {
		return nil, err
	}
	content.Files = append(content.Files, BytesFile(jsonPath, document))
	return content, nil
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
