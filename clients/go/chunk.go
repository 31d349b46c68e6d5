package argosy

import (
	"encoding/binary"
	"fmt"
	"io"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Field tags of the two messages that carry the bytes.
const (
	tagOfSentChunk     = 2<<3 | 2 // WriteUploadRequest.chunk
	tagOfReceivedChunk = 1<<3 | 2 // ReadBlobResponse.chunk
	// Messages of 1 MiB are the fastest ones measured and far below the limit.
	chunkBytes = 1 << 20
	// Of them so many bytes are read or written at once, and hashed: they stay in the cache of the processor.
	pieceBytes = 256 << 10
)

// sentChunk is a WriteUploadRequest whose bytes travel from where they were read to, without a copy.
type sentChunk struct{ content mem.Buffer }

// receivedChunk is a ReadBlobResponse whose bytes stay in the buffers they arrived in.
type receivedChunk struct{ content *mem.Reader }

// chunkCodec writes and reads these two by hand, and every other message as usual; the bytes on the
// wire are the same.
type chunkCodec struct{ usual encoding.CodecV2 }

func newChunkCodec() chunkCodec { return chunkCodec{encoding.GetCodecV2(proto.Name)} }

func (chunkCodec) Name() string { return proto.Name }

func (c chunkCodec) Marshal(message any) (mem.BufferSlice, error) {
	chunk, ok := message.(*sentChunk)
	if !ok {
		return c.usual.Marshal(message)
	}
	head := binary.AppendUvarint([]byte{tagOfSentChunk}, uint64(chunk.content.Len()))
	return mem.BufferSlice{mem.SliceBuffer(head), chunk.content}, nil
}

func (c chunkCodec) Unmarshal(data mem.BufferSlice, message any) error {
	chunk, ok := message.(*receivedChunk)
	if !ok {
		return c.usual.Unmarshal(data, message)
	}
	chunk.release()
	reader := data.Reader()
	if reader.Remaining() == 0 { // an empty chunk has no field
		return reader.Close()
	}
	tag, err := reader.ReadByte()
	if err != nil || tag != tagOfReceivedChunk {
		_ = reader.Close() // it only gives buffers back
		return fmt.Errorf("a chunk begins with tag %d, not %d", tag, tagOfReceivedChunk)
	}
	length, err := binary.ReadUvarint(reader)
	if err != nil || length != uint64(reader.Remaining()) {
		_ = reader.Close() // it only gives buffers back
		return fmt.Errorf("a chunk of %d bytes brings %d", length, reader.Remaining())
	}
	chunk.content = reader
	return nil
}

// remaining is how many bytes of the chunk were not taken yet.
func (r *receivedChunk) remaining() int {
	if r.content == nil {
		return 0
	}
	return r.content.Remaining()
}

func (r *receivedChunk) read(target []byte) (int, error) {
	n, err := r.content.Read(target)
	if r.content.Remaining() == 0 {
		r.release()
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// release gives the buffers back.
func (r *receivedChunk) release() {
	if r.content != nil {
		_ = r.content.Close() // it only gives buffers back
		r.content = nil
	}
}
