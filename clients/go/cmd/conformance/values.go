package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/npy"
	"example.com/argosy/clients/go/parquet"
	"example.com/argosy/clients/go/tagjson"
)

// save decodes the input to a Go value and saves that.
func save(ctx context.Context, c *command) error {
	name, format, input := c.arguments[0], c.arguments[1], c.arguments[2]
	value, err := valueOf(ctx, format, input)
	if err != nil {
		return err
	}
	version, err := c.client.Save(ctx, name, value, chosen[argosy.SaveOption](c)...)
	if err != nil {
		return err
	}
	return tell(map[string]any{"version": version.GetVersion(), "id": version.GetId(), "digest": version.GetContentDigest()})
}

func valueOf(ctx context.Context, format, input string) (any, error) {
	if format == argosy.FormatFile || format == argosy.FormatDirectory {
		return argosy.Path(input), nil
	}
	content, err := os.ReadFile(input)
	if err != nil {
		return nil, err
	}
	switch format {
	case argosy.FormatJSON:
		var value any
		err = tagjson.Unmarshal(content, &value)
		return argosy.JSON{Value: value}, err
	case argosy.FormatText:
		return string(content), nil
	case argosy.FormatBytes:
		return content, nil
	case argosy.FormatNPY:
		return npy.Read(bytes.NewReader(content))
	case argosy.FormatParquet:
		return parquet.Read(ctx, bytes.NewReader(content))
	default:
		return nil, fmt.Errorf("format %q is none of json, text, bytes, npy, parquet, file, directory", format)
	}
}

// load loads a Go value and encodes it into the output.
func load(ctx context.Context, c *command) error {
	name, output := c.arguments[0], c.arguments[1]
	version, err := c.client.Get(ctx, name, chosen[argosy.Selection](c)...)
	if err != nil {
		return err
	}
	// That version, whatever the alias points at meanwhile.
	that := argosy.Version(version.GetVersion())
	if err := write(ctx, c.client, name, version.GetFormat(), output, that); err != nil {
		return err
	}
	return tell(map[string]any{"version": version.GetVersion(), "id": version.GetId(), "format": version.GetFormat()})
}

func write(ctx context.Context, client *argosy.Client, name, format, output string, version argosy.Version) error {
	var err error
	encoded := &bytes.Buffer{}
	switch format {
	case argosy.FormatDirectory:
		_, err = client.Download(ctx, name, output, version)
		return err
	case argosy.FormatFile:
		_, err = client.DownloadFile(ctx, name, output, version)
		return err
	case argosy.FormatParquet:
		var table parquet.Table
		if _, err = client.Load(ctx, name, &table, version); err != nil {
			return err
		}
		defer table.Release()
		err = table.Write(encoded)
	default:
		var value any
		if _, err = client.Load(ctx, name, &value, version); err != nil {
			return err
		}
		err = encode(encoded, format, value)
	}
	if err != nil {
		return err
	}
	return replace(output, encoded.WriteTo)
}

func encode(target *bytes.Buffer, format string, value any) error {
	if format == argosy.FormatJSON {
		document, err := tagjson.Marshal(value)
		target.Write(document)
		return err
	}
	switch value := value.(type) {
	case string:
		target.WriteString(value)
	case []byte:
		target.Write(value)
	case *npy.Array:
		return npy.Write(target, value)
	default:
		return fmt.Errorf("a %T came of format %q", value, format)
	}
	return nil
}

// replace writes a file, all of it or nothing.
func replace(output string, writeTo func(io.Writer) (int64, error)) error {
	hidden, err := os.CreateTemp(filepath.Dir(output), ".conformance-*")
	if err != nil {
		return err
	}
	_, err = writeTo(hidden)
	if err = errors.Join(err, hidden.Close()); err == nil {
		err = os.Rename(hidden.Name(), output)
	}
	if err != nil {
		return errors.Join(err, os.Remove(hidden.Name()))
	}
	return nil
}
