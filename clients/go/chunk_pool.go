package argosy

import (
	"sync"

	"google.golang.org/grpc/mem"
)

// chunkPool keeps the buffers that bytes are read into on their way to a server. The pool of grpc-go would set
// each of them to zero, though all of its bytes are overwritten: 4 % of the CPU an upload takes.
type chunkPool struct{ buffers sync.Pool }

var _ mem.BufferPool = (*chunkPool)(nil)

var chunks chunkPool

// Get returns a buffer of this length with any content.
func (p *chunkPool) Get(length int) *[]byte {
	if kept, _ := p.buffers.Get().(*[]byte); kept != nil && cap(*kept) >= length {
		*kept = (*kept)[:length]
		return kept
	}
	buffer := make([]byte, length, max(length, chunkBytes))
	return &buffer
}

// Put takes a buffer that is not used any more.
func (p *chunkPool) Put(buffer *[]byte) { p.buffers.Put(buffer) }
