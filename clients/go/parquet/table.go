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

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	argosy "example.com/argosy/clients/go"
)

const (
	dataPath = "data.parquet"
	// pandasKey is the metadata by which Python makes a pandas object again exactly.
	pandasKey = "argosy"
	// Row groups hold about so much data, so that readers need no second copy of the whole.
	groupBytes  = 16 << 20
	longestRows = 1 << 20
)

// Table is an [arrow.Table] as a value of an Argosy store: argosy.Save and argosy.Load take it.
//
// A table that Python saved and that is saved again as it is stays what it was in pandas, with its
// index and categories. Put another arrow.Table into it and the facts about pandas are left out;
// Python then reads it as any parquet file.
type Table struct {
	arrow.Table
	// from is the table that was read, to tell whether it is still the same.
	from arrow.Table
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
	allocator := memory.DefaultAllocator
	properties := pqarrow.ArrowReadProperties{Parallel: true}
	table, err := pqarrow.ReadTable(ctx, content, parquet.NewReaderProperties(allocator), properties, allocator)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	return &Table{Table: table, from: table}, nil
}

// Write writes a parquet file.
func (t *Table) Write(target io.Writer) error {
	if t.Table == nil {
		return errors.New("parquet: there is no table; make one by parquet.New")
	}
	properties := parquet.NewWriterProperties(parquet.WithVersion(parquet.V2_6), parquet.WithCompression(compress.Codecs.Snappy))
	table := t.Table
	if table != t.from {
		table = withoutPandas(table)
	}
	// The writer must not close what is not its own.
	err := pqarrow.WriteTable(table, struct{ io.Writer }{target}, rowsOfGroup(table), properties, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
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
	metadata := arrow.MetadataFrom(kept)
	columns := make([]arrow.Column, table.NumCols())
	for i := range columns {
		columns[i] = *table.Column(i)
	}
	return array.NewTable(arrow.NewSchema(table.Schema().Fields(), &metadata), columns, table.NumRows())
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
