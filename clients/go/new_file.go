package argosy

import (
	"math"
	"os"
)

// roomBytes is how much room on disk is taken ahead of what came: a server that lies about a size takes no more.
const roomBytes = 64 << 20

// newFile is a file that is written from its first byte to its last. Room is taken on its disk before that is
// written, which halves the CPU that writing takes on ext4.
type newFile struct {
	file *os.File
	// size is how long it will be.
	size    int64
	written int64
	// roomy is up to where there is room.
	roomy int64
}

func (f *newFile) Write(piece []byte) (int, error) {
	if int64(len(piece)) < f.size && f.written+int64(len(piece)) > f.roomy && f.roomy < f.size {
		length := min(roomBytes, f.size-f.roomy)
		if takeRoom(f.file, f.roomy, length) == nil {
			f.roomy += length
		} else {
			f.roomy = math.MaxInt64 // not there, or a full disk, which writing tells
		}
	}
	n, err := f.file.Write(piece)
	f.written += int64(n)
	return n, err
}

func (f *newFile) Close() error { return f.file.Close() }
