package argosy

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What a server says of a size is not believed before the bytes have come.
func TestRoomOnDiskIsTakenForLittleMoreThanHasCome(t *testing.T) {
	place := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(place)
	if err != nil {
		t.Fatal(err)
	}
	into := &newFile{file: file, size: 4 * roomBytes}
	if _, err := into.Write(make([]byte, pieceBytes)); err != nil {
		t.Fatal(err)
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(place)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > roomBytes {
		t.Fatalf("%d bytes came, and take %d", pieceBytes, info.Size())
	}
}

func TestAFileWithRoomHasTheBytesThatCame(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcde"), (roomBytes+pieceBytes)/15)
	place := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(place)
	if err != nil {
		t.Fatal(err)
	}
	into := &newFile{file: file, size: int64(len(content))}
	if _, err := io.CopyBuffer(into, struct{ io.Reader }{bytes.NewReader(content)}, make([]byte, pieceBytes)); err != nil {
		t.Fatal(err)
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := os.ReadFile(place); err != nil || !bytes.Equal(found, content) {
		t.Fatalf("%d bytes became %d: %v", len(content), len(found), err)
	}
}

func TestWhereNoRoomCanBeTakenBytesAreWrittenAnyhow(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	into := &newFile{file: writer, size: 4}
	for _, piece := range []string{"ab", "cd"} {
		if _, err := into.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := io.ReadAll(reader); err != nil || string(found) != "abcd" {
		t.Fatalf("%q, %v", found, err)
	}
}
