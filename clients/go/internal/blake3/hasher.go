// Package blake3 computes the BLAKE3-256 digest of a stream with the vectors of the processor, AVX-512 where it has it.
//
// The compression is that of lukechampine.com/blake3. Its own Hasher spreads each write over goroutines, which
// costs more than it gains where a transfer hashes 1 MiB beside everything else it does, and several times as
// much for pieces of 16 KiB, the frames of HTTP/2. This one feeds the same functions by one goroutine.
package blake3

import (
	"math/bits"

	"lukechampine.com/blake3/guts"
)

// Size is the length of a digest in bytes.
const Size = 32

// groupBytes are compressed at once: a subtree of 16 chunks.
const groupBytes = guts.MaxSIMD * guts.ChunkSize

// Hasher is the digest of the bytes written so far. The zero value has none.
type Hasher struct {
	// subtrees are the chaining values of complete subtrees: at i one of 2^i groups, where bit i of groups is set.
	subtrees [48][8]uint32
	// groups is how many were compressed. Each was followed by a byte, so none of them is the root.
	groups uint64
	// pending are the bytes behind these: up to a whole group, since it may be the last one.
	pending [groupBytes]byte
	filled  int
}

// Write adds bytes; it never fails.
func (h *Hasher) Write(data []byte) (int, error) {
	written := len(data)
	if h.filled > 0 {
		taken := copy(h.pending[h.filled:], data)
		h.filled += taken
		if data = data[taken:]; len(data) == 0 {
			return written, nil
		}
		h.compress(&h.pending)
		h.filled = 0
	}
	for len(data) > groupBytes {
		h.compress((*[groupBytes]byte)(data))
		data = data[groupBytes:]
	}
	h.filled = copy(h.pending[:], data)
	return written, nil
}

// Sum is the digest of all that was written. More may be written after it.
func (h *Hasher) Sum() [Size]byte {
	root := guts.CompressBuffer(&h.pending, h.filled, &guts.IV, h.groups*guts.MaxSIMD, 0)
	for left := h.groups; left != 0; left &= left - 1 {
		root = guts.ParentNode(h.subtrees[bits.TrailingZeros64(left)], guts.ChainingValue(root), &guts.IV, 0)
	}
	root.Flags |= guts.FlagRoot
	output := guts.WordsToBytes(guts.CompressNode(root))
	return [Size]byte(output[:])
}

// Sum256 is the digest of data.
func Sum256(data []byte) [Size]byte {
	var hasher Hasher
	_, _ = hasher.Write(data)
	return hasher.Sum()
}

// compress adds a group that is not the last one, and joins the subtrees it completes.
func (h *Hasher) compress(group *[groupBytes]byte) {
	value := guts.ChainingValue(guts.CompressBuffer(group, groupBytes, &guts.IV, h.groups*guts.MaxSIMD, 0))
	height := bits.TrailingZeros64(^h.groups)
	for _, left := range h.subtrees[:height] {
		value = guts.ChainingValue(guts.ParentNode(left, value, &guts.IV, 0))
	}
	h.subtrees[height] = value
	h.groups++
}
