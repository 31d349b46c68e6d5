package parquet_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"example.com/argosy/clients/go/parquet"
)

// TestNoForgedByteEndsTheProgram puts a wrong byte in each place of a file: a store may hold what somebody forged.
func TestNoForgedByteEndsTheProgram(t *testing.T) {
	described := arrow.NewMetadata([]string{"unit"}, []string{"m"})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "count", Type: arrow.PrimitiveTypes.Int64},
		{Name: "words", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true, Metadata: described},
	}, &described)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	builder.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2}, nil)
	words := builder.Field(1).(*array.ListBuilder)
	words.Append(true)
	words.ValueBuilder().(*array.StringBuilder).Append("word")
	words.AppendNull()
	var file bytes.Buffer
	table := parquet.New(array.NewTableFromRecords(schema, []arrow.RecordBatch{builder.NewRecordBatch()}))
	if err := table.Write(&file); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for place := range file.Bytes() {
		for _, mask := range []byte{0x01, 0x40, 0x80, 0xff} {
			forged := slices.Clone(file.Bytes())
			forged[place] ^= mask
			if _, err := parquet.Read(t.Context(), bytes.NewReader(forged)); err != nil {
				refused++
			}
		}
	}
	if refused == 0 || refused == 4*file.Len() {
		t.Fatalf("%d of %d forged files were refused", refused, 4*file.Len())
	}
}
