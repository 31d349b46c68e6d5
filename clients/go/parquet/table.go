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
	"runtime"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"golang.org/x/sync/errgroup"

	argosy "example.com/argosy/clients/go"
)

const (
	dataPath = "data.parquet"
	// arrowKey is the metadata by which Arrow tells the types it wrote from.
	arrowKey = "ARROW:schema"
	// Row groups hold about so much data, so that readers need no second copy of the whole.
	groupBytes  = 16 << 20
	longestRows = 1 << 20
)

// Table is an [arrow.Table] as a value of an Argosy store: argosy.Save and argosy.Load take it.
//
// What Python saved comes as the columns of the file: an index as a column "__index_level_0__",
// durations as their ticks, int64. Saved again it is a table of these columns, in Python a DataFrame.
type Table struct{ arrow.Table }

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
	return New(table), nil
}

// orMalformed turns a panic of the Arrow library, over a file that contradicts itself, into an error.
func orMalformed(err *error) {
	if found := recover(); found != nil {
		*err = fmt.Errorf("the file is malformed: %v", found)
	}
}

func read(ctx context.Context, content ReaderAtSeeker) (_ arrow.Table, err error) {
	defer orMalformed(&err)
	allocator := memory.DefaultAllocator
	source, err := file.NewParquetReader(content, file.WithReadProps(parquet.NewReaderProperties(allocator)))
	if err != nil {
		return nil, err
	}
	if err := checkChunks(source); err != nil {
		return nil, err
	}
	properties := pqarrow.ArrowReadProperties{}
	if schema := source.MetaData().KeyValueMetadata().FindValue(arrowKey); schema != nil && !isSound(*schema) {
		forgetArrow(source)
	}
	reader, err := pqarrow.NewFileReader(source, properties, allocator)
	if err != nil || !isReadable(reader) {
		forgetArrow(source)
		if reader, err = pqarrow.NewFileReader(source, properties, allocator); err != nil {
			return nil, err
		}
	}
	return readTable(ctx, reader)
}

// readTable reads several columns at once. The library would do so too, but on goroutines of its own, where nobody can
// catch its panics.
func readTable(ctx context.Context, reader *pqarrow.FileReader) (arrow.Table, error) {
	source := reader.ParquetReader()
	leaves, groups := countTo(source.MetaData().Schema.NumColumns()), countTo(source.NumRowGroups())
	readers, schema, err := reader.GetFieldReaders(ctx, leaves, groups)
	if err != nil {
		return nil, err
	}
	columns := make([]arrow.Column, len(readers))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(runtime.GOMAXPROCS(0))
	for i, column := range readers {
		reading.Go(func() (err error) {
			defer orMalformed(&err)
			defer column.Release()
			if err := ctx.Err(); err != nil {
				return err
			}
			data, err := reader.ReadColumn(groups, column)
			if err != nil {
				return err
			}
			defer data.Release()
			columns[i] = *arrow.NewColumn(schema.Field(i), data)
			return nil
		})
	}
	if err := reading.Wait(); err != nil {
		return nil, err
	}
	table := array.NewTable(schema, columns, -1)
	for i := range columns {
		columns[i].Release()
	}
	return table, nil
}

func countTo(end int) []int {
	numbers := make([]int, end)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// checkChunks refuses chunks of columns that are longer than their file: the library asks for so much memory.
func checkChunks(source *file.Reader) error {
	whole := source.MetaData().GetSourceFileSize()
	for i, group := range source.MetaData().RowGroups {
		for j, chunk := range group.Columns {
			if size := chunk.GetMetaData().GetTotalCompressedSize(); size < 0 || size > whole {
				return fmt.Errorf("column %d of row group %d has %d bytes, the file %d", j, i, size, whole)
			}
		}
	}
	return nil
}

// forgetArrow lets a file be read by the types of parquet itself.
func forgetArrow(source *file.Reader) {
	described := source.MetaData().FileMetaData
	keys := described.KeyValueMetadata
	described.KeyValueMetadata = nil
	for _, pair := range keys {
		if pair.Key != arrowKey {
			described.KeyValueMetadata = append(described.KeyValueMetadata, pair)
		}
	}
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
	table := withoutPandas(t.Table)
	defer table.Release()
	properties := parquet.NewWriterProperties(parquet.WithVersion(parquet.V2_6), parquet.WithCompression(compress.Codecs.Snappy))
	described := pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())
	// The writer must not close what is not its own.
	writer, err := pqarrow.NewFileWriter(table.Schema(), struct{ io.Writer }{target}, properties, described)
	if err != nil {
		return err
	}
	return errors.Join(writer.WriteTable(table, rowsOfGroup(table)), writer.Close())
}

// withoutPandas leaves out by what Python makes pandas again of another file; docs/formats.md tells why.
func withoutPandas(table arrow.Table) arrow.Table {
	old := table.Schema().Metadata()
	kept := map[string]string{}
	for i, key := range old.Keys() {
		if key != "argosy" && key != "pandas" {
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
	return &argosy.Content{
		Format: argosy.FormatParquet, Files: []argosy.File{argosy.ReaderFile(dataPath, kept, size)}, Done: done,
	}, nil
}

// DecodeArtifact makes it an argosy.Decoder.
func (t *Table) DecodeArtifact(ctx context.Context, artifact *argosy.Artifact) error {
	if artifact.Format != argosy.FormatParquet {
		return &argosy.FormatError{
			Name: artifact.Version.GetName(), Version: artifact.Version.GetVersion(), Format: artifact.Format,
			Cure: "it cannot be loaded into a *parquet.Table; let the producer save a DataFrame",
		}
	}
	content, err := artifact.ReadFile(ctx, dataPath)
	if err != nil {
		return err
	}
	read, err := Read(ctx, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("load %q: %w", artifact.Version.GetName(), err)
	}
	*t = *read
	return nil
}
