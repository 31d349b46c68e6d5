// Package parquet saves and loads tables of an Argosy store by Apache Arrow. It is a module of its
// own, so that programs without tables stay small.
//
//	version, err := client.Save(ctx, "prices", parquet.New(table)) // an arrow.Table
//
//	var prices parquet.Table
//	version, err := client.Load(ctx, "prices", &prices)
//	defer prices.Release()
package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	argosy "example.com/argosy/clients/go"
)

const (
	dataPath = "data.parquet"
	// pandasKey is the metadata by which Python makes a pandas object again exactly.
	pandasKey = "argosy"
	// arrowKey is the metadata by which Arrow tells the types it wrote from.
	arrowKey = "ARROW:schema"
	// Row groups hold about so much data, so that readers need no second copy of the whole.
	groupBytes  = 16 << 20
	longestRows = 1 << 20
)

// Table is an [arrow.Table] as a value of an Argosy store: argosy.Save and argosy.Load take it.
//
// A table that Python saved and that is saved again as it is stays what it was in pandas, with its
// index and categories. Put another arrow.Table into it and the facts about pandas are left out;
// Python then reads it as any parquet file. Durations come as their ticks, int64.
type Table struct {
	arrow.Table
	// from is the table that was read, to tell whether it is still the same.
	from arrow.Table
	// keys are the key-value metadata of the file it was read from.
	keys metadata.KeyValueMetadata
	// beside are further files of a pandas object: categories, labels that are no text.
	beside map[string][]byte
}

// New makes a value of a table.
func New(table arrow.Table) *Table { return &Table{Table: table} }

// ReaderAtSeeker is what parquet files are read from: *os.File, *bytes.Reader.
type ReaderAtSeeker interface {
	io.Reader
	io.ReaderAt
	io.Seeker
}

// Read reads a parquet file. Release the table when it is not needed any more.
func Read(ctx context.Context, content ReaderAtSeeker) (*Table, error) {
	table, err := read(ctx, content)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	return table, nil
}

func read(ctx context.Context, content ReaderAtSeeker) (*Table, error) {
	allocator := memory.DefaultAllocator
	source, err := file.NewParquetReader(content, file.WithReadProps(parquet.NewReaderProperties(allocator)))
	if err != nil {
		return nil, err
	}
	keys := source.MetaData().KeyValueMetadata()
	properties := pqarrow.ArrowReadProperties{Parallel: true}
	reader, err := pqarrow.NewFileReader(source, properties, allocator)
	if err != nil || !isReadable(reader) {
		// By the types of parquet itself, then.
		described := source.MetaData().FileMetaData
		described.KeyValueMetadata = nil
		for _, pair := range keys {
			if pair.Key != arrowKey {
				described.KeyValueMetadata = append(described.KeyValueMetadata, pair)
			}
		}
		if reader, err = pqarrow.NewFileReader(source, properties, allocator); err != nil {
			return nil, err
		}
	}
	table, err := reader.ReadTable(ctx)
	if err != nil {
		return nil, err
	}
	return &Table{Table: table, from: table, keys: keys}, nil
}

// isReadable tells whether the Arrow library reads all columns as what they were written from.
func isReadable(reader *pqarrow.FileReader) bool {
	schema, err := reader.Schema()
	return err == nil && !slices.ContainsFunc(schema.Fields(), func(field arrow.Field) bool { return field.Type.ID() == arrow.DURATION })
}

// Write writes a parquet file.
func (t *Table) Write(target io.Writer) error {
	if t.Table == nil {
		return errors.New("parquet: there is no table; make one by parquet.New")
	}
	if err := t.write(target); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}

func (t *Table) write(target io.Writer) error {
	table, described := t.Table, []pqarrow.WriterOption{pqarrow.WithStoreSchema()}
	if table == t.from {
		described = nil // by what the file said that it came from
	} else {
		table = withoutPandas(table)
	}
	properties := parquet.NewWriterProperties(parquet.WithVersion(parquet.V2_6), parquet.WithCompression(compress.Codecs.Snappy))
	// The writer must not close what is not its own.
	writer, err := pqarrow.NewFileWriter(table.Schema(), struct{ io.Writer }{target}, properties, pqarrow.NewArrowWriterProperties(described...))
	if err != nil {
		return err
	}
	err = writer.WriteTable(table, rowsOfGroup(table))
	if table == t.from {
		for _, key := range []string{arrowKey, pandasKey, "pandas"} {
			if value := t.keys.FindValue(key); value != nil && err == nil {
				err = writer.AppendKeyValueMetadata(key, *value)
			}
		}
	}
	return errors.Join(err, writer.Close())
}

// withoutPandas leaves out what described another table.
func withoutPandas(table arrow.Table) arrow.Table {
	old := table.Schema().Metadata()
	kept := map[string]string{}
	for i, key := range old.Keys() {
		if key != pandasKey && key != "pandas" {
			kept[key] = old.Values()[i]
		}
	}
	described := arrow.MetadataFrom(kept)
	columns := make([]arrow.Column, table.NumCols())
	for i := range columns {
		columns[i] = *table.Column(i)
	}
	return array.NewTable(arrow.NewSchema(table.Schema().Fields(), &described), columns, table.NumRows())
}

func rowsOfGroup(table arrow.Table) int64 {
	size := int64(0)
	for i := range int(table.NumCols()) {
		for _, chunk := range table.Column(i).Data().Chunks() {
			size += int64(chunk.Data().SizeInBytes())
		}
	}
	rows := table.NumRows()
	if size > groupBytes {
		rows = max(rows*groupBytes/size, 1)
	}
	return max(min(rows, longestRows), 1)
}

// EncodeArtifact makes it an argosy.Encoder.
func (t *Table) EncodeArtifact(context.Context) (*argosy.Content, error) {
	kept, err := os.CreateTemp("", "argosy-parquet-*")
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	done := func() error { return errors.Join(kept.Close(), os.Remove(kept.Name())) }
	if err := t.Write(kept); err != nil {
		return nil, errors.Join(err, done())
	}
	size, err := kept.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("parquet: %w", err), done())
	}
	content := &argosy.Content{
		Format: argosy.FormatParquet, Files: []argosy.File{argosy.ReaderFile(dataPath, kept, size)}, Done: done,
	}
	if t.Table == t.from {
		for path, bytes := range t.beside {
			content.Files = append(content.Files, argosy.BytesFile(path, bytes))
		}
	}
	return content, nil
}

// DecodeArtifact makes it an argosy.Decoder.
func (t *Table) DecodeArtifact(ctx context.Context, artifact *argosy.Artifact) error {
	if artifact.Format != argosy.FormatParquet {
		return &argosy.FormatError{
			Name: artifact.Version.GetName(), Version: artifact.Version.GetVersion(), Format: artifact.Format,
			Cure: "it cannot be loaded into a *parquet.Table; let the producer save a DataFrame",
		}
	}
	beside := map[string][]byte{}
	for _, path := range artifact.Paths() {
		content, err := artifact.ReadFile(ctx, path)
		if err != nil {
			return err
		}
		beside[path] = content
	}
	read, err := Read(ctx, bytes.NewReader(beside[dataPath]))
	if err != nil {
		return fmt.Errorf("load %q: %w", artifact.Version.GetName(), err)
	}
	delete(beside, dataPath)
	read.beside = beside
	*t = *read
	return nil
}
