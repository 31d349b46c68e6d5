package argosy

import (
	"bytes"
	"testing"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

func TestMemoryForAFileGrowsWithWhatHasComeAndEndsAtItsSize(t *testing.T) {
	const size = firstMemory + 3*firstMemory/2
	into := &memory{}
	if _, err := into.create(&argosyv1.ArtifactFile{SizeBytes: size}); err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for range size / len(piece) {
		if _, err := into.Write(piece); err != nil {
			t.Fatal(err)
		}
		if cap(into.content) > max(firstMemory, growth*len(into.content)) {
			t.Fatalf("%d bytes came, and take %d", len(into.content), cap(into.content))
		}
	}
	if len(into.content) != size || cap(into.content) != size || !bytes.HasSuffix(into.content, piece) {
		t.Fatalf("%d bytes came back as %d, and take %d", size, len(into.content), cap(into.content))
	}
}
