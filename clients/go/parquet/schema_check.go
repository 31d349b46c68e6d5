package parquet

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Places in the tables of Arrow's Message.fbs and Schema.fbs.
const (
	messageHeader, messageBody   = 8, 10
	schemaFields, schemaMetadata = 6, 8
	fieldName                    = 4
	fieldChildren, fieldMetadata = 14, 16
	pairKey, pairValue           = 4, 6
	continuation                 = 0xffffffff
	deepestField                 = 100
	sizeOfOffset                 = 4
	mostForEachByte              = 4 // writers may let several things share their text
)

var errForged = errors.New("it asks for more than it has")

// isSound tells whether Arrow may read a schema out of the metadata of a file. The library takes the lengths in there as
// they stand: by one forged byte it asks for more memory than there is, which ends a program of Go.
func isSound(text string) (sound bool) {
	defer func() {
		if recover() != nil { // of flatbuffers, for what lies beyond the bytes, or of schemaCheck
			sound = false
		}
	}()
	encoding := base64.StdEncoding
	if len(text)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	raw, err := encoding.DecodeString(text)
	if err != nil {
		return false
	}
	if binary.LittleEndian.Uint32(raw) == continuation {
		raw = raw[4:]
	}
	message := raw[4:][:binary.LittleEndian.Uint32(raw)]
	root := flatbuffers.Table{Bytes: message, Pos: flatbuffers.GetUOffsetT(message)}
	if body := root.Offset(messageBody); body != 0 && root.GetInt64(root.Pos+flatbuffers.UOffsetT(body)) != 0 {
		return false
	}
	header := root.Offset(messageHeader)
	if header == 0 {
		return false
	}
	var schema flatbuffers.Table
	root.Union(&schema, flatbuffers.UOffsetT(header))
	check := schemaCheck{left: mostForEachByte * len(message)}
	check.each(schema, schemaMetadata, check.pair)
	check.each(schema, schemaFields, func(field flatbuffers.Table) { check.field(field, 0) })
	return true
}

// schemaCheck panics where a schema would be larger than what it is read from, or is nested too deep.
type schemaCheck struct {
	// left is how many bytes may still be made of it.
	left int
}

func (c *schemaCheck) take(size int) {
	if c.left -= size; c.left < 0 {
		panic(errForged)
	}
}

func (c *schemaCheck) field(field flatbuffers.Table, depth int) {
	if depth > deepestField {
		panic(errForged)
	}
	c.text(field, fieldName)
	c.each(field, fieldMetadata, c.pair)
	c.each(field, fieldChildren, func(child flatbuffers.Table) { c.field(child, depth+1) })
}

func (c *schemaCheck) pair(pair flatbuffers.Table) {
	c.text(pair, pairKey)
	c.text(pair, pairValue)
}

func (c *schemaCheck) text(table flatbuffers.Table, place flatbuffers.VOffsetT) {
	if offset := flatbuffers.UOffsetT(table.Offset(place)); offset != 0 {
		c.take(len(table.ByteVector(table.Pos + offset)))
	}
}

func (c *schemaCheck) each(table flatbuffers.Table, place flatbuffers.VOffsetT, use func(flatbuffers.Table)) {
	offset := flatbuffers.UOffsetT(table.Offset(place))
	if offset == 0 {
		return
	}
	first := table.Vector(offset)
	for i := range table.VectorLen(offset) {
		c.take(sizeOfOffset)
		use(flatbuffers.Table{Bytes: table.Bytes, Pos: table.Indirect(first + flatbuffers.UOffsetT(i*sizeOfOffset))})
	}
}
