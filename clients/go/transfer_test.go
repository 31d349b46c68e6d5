package argosy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/internal/testserver"
)

const mebibyte = 1 << 20

func TestValuesOfEverySizeComeBackAsTheyWere(t *testing.T) {
	client := connect(t)
	for _, size := range []int{0, 1, 256<<10 - 1, mebibyte, mebibyte + 1, 5*mebibyte + 3} {
		content := noise(1, size)
		saved := must(client.Save(t.Context(), "blob", content))(t)
		expect(t, saved.GetFormat(), "bytes")
		var loaded []byte
		version := must(client.Load(t.Context(), "blob", &loaded))(t)
		if !bytes.Equal(loaded, content) || version.GetId() != saved.GetId() {
			t.Fatalf("%d bytes came back as %d", size, len(loaded))
		}
	}
}

func TestAReaderThatCannotBeReadTwiceIsSaved(t *testing.T) {
	client := connect(t)
	for _, size := range []int{10, 3*mebibyte + 1} {
		content := noise(2, size)
		must(client.Save(t.Context(), "stream", io.MultiReader(bytes.NewReader(content))))(t)
		var loaded []byte
		must(client.Load(t.Context(), "stream", &loaded))(t)
		if !bytes.Equal(loaded, content) {
			t.Fatalf("%d bytes came back as %d", size, len(loaded))
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "argosy-upload-*"))
	expect(t, err, nil)
	expect(t, len(left), 0)
}

func TestAReaderThatFailsSavesNothing(t *testing.T) {
	client := connect(t)
	unplugged := errors.New("disk unplugged")
	broken := io.MultiReader(strings.NewReader("abc"), readerFunc(func([]byte) (int, error) { return 0, unplugged }))
	if _, err := client.Save(t.Context(), "broken", broken); !errors.Is(err, unplugged) {
		t.Fatal(err)
	}
	_, err := client.Get(t.Context(), "broken")
	if !errors.Is(err, argosy.ErrArtifactNotFound) {
		t.Fatal(err)
	}
}

func TestBytesThatAreThereAreNotSentAgain(t *testing.T) {
	client := connect(t)
	between := startProxy(t, address(t))
	content := noise(3, 4*mebibyte)
	must(client.Save(t.Context(), "first", content))(t)
	passed := 0
	between.set(func(piece []byte) []byte { passed += len(piece); return piece }, nil)
	second := connectTo(t, between.address)
	must(second.Save(t.Context(), "second", content))(t)
	small := t.TempDir()
	for i := range byte(20) {
		expect(t, os.WriteFile(filepath.Join(small, string('a'+rune(i))), noise(50+i, 100<<10), 0o600), nil)
	}
	must(client.Save(t.Context(), "small", argosy.Path(small)))(t)
	must(second.Save(t.Context(), "small", argosy.Path(small)))(t)
	between.set(nil, nil)
	if passed > 64<<10 {
		t.Fatalf("%d bytes were sent", passed)
	}
}

func TestALongFileIsReadOnceWhenTheProjectHasNoneOfItsSizeAndTwiceToSendNothing(t *testing.T) {
	client := connect(t)
	content := noise(14, 20*mebibyte)
	for round, reads := range []int{20, 20} {
		source := &counted{Reader: bytes.NewReader(content)}
		sent := int64(0)
		version := must(client.Save(t.Context(), "long", source, argosy.Progress(func(_ string, bytes int64) { sent = bytes })))(t)
		expect(t, source.read, reads*mebibyte)
		expect(t, sent, []int64{20 * mebibyte, 0}[round])
		expect(t, version.GetSizeBytes(), 20*mebibyte)
	}
	other := &counted{Reader: bytes.NewReader(noise(15, 20*mebibyte))}
	must(client.Save(t.Context(), "long", other))(t)
	expect(t, other.read, 40*mebibyte)
	var loaded []byte
	must(client.Load(t.Context(), "long", &loaded))(t)
	if !bytes.Equal(loaded, noise(15, 20*mebibyte)) {
		t.Fatal("other bytes came back")
	}
}

// counted counts what is read of it.
type counted struct {
	*bytes.Reader
	read int
}

func (c *counted) ReadAt(target []byte, offset int64) (int, error) {
	n, err := c.Reader.ReadAt(target, offset)
	c.read += n
	return n, err
}

func TestAnUploadGoesOnWhereTheConnectionBroke(t *testing.T) {
	between := startProxy(t, address(t))
	content := noise(4, 40*mebibyte)
	passed, breaks := 0, 0
	between.set(func(piece []byte) []byte {
		passed += len(piece)
		if breaks < 2 && passed > (breaks+1)*18*mebibyte {
			breaks++
			return nil
		}
		return piece
	}, nil)
	client := connectTo(t, between.address)
	must(client.Save(t.Context(), "large", content))(t)
	between.set(nil, nil)
	if breaks != 2 || passed > 75*mebibyte {
		t.Fatalf("%d breaks, %d bytes were sent for %d", breaks, passed, len(content))
	}
	var loaded []byte
	must(client.Load(t.Context(), "large", &loaded))(t)
	if !bytes.Equal(loaded, content) {
		t.Fatal("other bytes came back")
	}
}

func TestADownloadGoesOnWhereTheConnectionBroke(t *testing.T) {
	content := noise(5, 40*mebibyte)
	must(connect(t).Save(t.Context(), "large", content))(t)
	between := startProxy(t, address(t))
	passed, breaks := 0, 0
	between.set(nil, func(piece []byte) []byte {
		passed += len(piece)
		if breaks < 2 && passed > (breaks+1)*15*mebibyte {
			breaks++
			return nil
		}
		return piece
	})
	client := connectTo(t, between.address)
	var loaded []byte
	must(client.Load(t.Context(), "large", &loaded))(t)
	between.set(nil, nil)
	if !bytes.Equal(loaded, content) || breaks != 2 || passed > 50*mebibyte {
		t.Fatalf("%d breaks, %d bytes came for %d", breaks, passed, len(content))
	}
}

func TestAServerThatIsKilledAtHalfATransferIsOutlasted(t *testing.T) {
	s := testserver.Start(t)
	client := connectTo(t, s.Address)
	content := noise(6, 48*mebibyte)
	restart := func() { s.Kill(t); s.Serve(t) }
	_, err := client.Save(t.Context(), "large", content, once(24*mebibyte, restart))
	if err != nil {
		t.Fatal(err)
	}
	reader := must(client.Open(t.Context(), "large", ""))(t)
	half := make([]byte, 24*mebibyte)
	if _, err := io.ReadFull(reader, half); err != nil {
		t.Fatal(err)
	}
	restart()
	rest := must(io.ReadAll(reader))(t)
	if !bytes.Equal(append(half, rest...), content) {
		t.Fatal("other bytes came back")
	}
	expect(t, reader.Close(), nil)
}

func TestAChunkThatChangedOnItsWayNeverBecomesAValue(t *testing.T) {
	marker := bytes.Repeat([]byte("needle-in-a-stack"), 64)
	content := append(append(noise(7, 5*mebibyte), marker...), noise(8, mebibyte)...)
	must(connect(t).Save(t.Context(), "large", content))(t)
	between := startProxy(t, address(t))
	between.set(nil, func(piece []byte) []byte {
		return bytes.Replace(piece, []byte("needle-in"), []byte("needle-at"), 1)
	})
	client := connectTo(t, between.address)
	loaded := []byte("untouched")
	_, err := client.Load(t.Context(), "large", &loaded)
	if !errors.Is(err, argosy.ErrCorrupt) || string(loaded) != "untouched" {
		t.Fatal(err)
	}
	directory := filepath.Join(t.TempDir(), "out")
	if _, err := client.Download(t.Context(), "large", directory); !errors.Is(err, argosy.ErrCorrupt) {
		t.Fatal(err)
	}
	if _, err := client.DownloadFile(t.Context(), "large", directory+".bin"); !errors.Is(err, argosy.ErrCorrupt) {
		t.Fatal(err)
	}
	left := must(os.ReadDir(filepath.Dir(directory)))(t)
	expect(t, len(left), 0)
}

func TestWhatChangesOnItsWayToTheServerIsSentAgain(t *testing.T) {
	content := append(append(noise(9, 2*mebibyte), []byte("needle-in-a-stack")...), noise(10, mebibyte)...)
	between := startProxy(t, address(t))
	changed := 0
	between.set(func(piece []byte) []byte {
		if at := bytes.Index(piece, []byte("needle-in-a-stack")); at >= 0 && changed == 0 {
			changed++
			piece[at]++
		}
		return piece
	}, nil)
	client := connectTo(t, between.address)
	must(client.Save(t.Context(), "large", content))(t)
	between.set(nil, nil)
	expect(t, changed, 1)
	var loaded []byte
	must(client.Load(t.Context(), "large", &loaded))(t)
	if !bytes.Equal(loaded, content) {
		t.Fatal("other bytes came back")
	}
}

func TestACancelledUploadLeavesNeitherVersionNorUpload(t *testing.T) {
	client := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	content := noise(11, 32*mebibyte)
	_, err := client.Save(ctx, "large", content, once(16*mebibyte, cancel))
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := client.Get(t.Context(), "large"); !errors.Is(err, argosy.ErrArtifactNotFound) {
		t.Fatal(err)
	}
	expect(t, openUploads(t, client), "[]")
}

func TestADeadlineEndsADownload(t *testing.T) {
	client := connect(t)
	must(client.Save(t.Context(), "large", noise(12, 8*mebibyte)))(t)
	ctx, cancel := context.WithCancel(t.Context())
	reader := must(client.Open(ctx, "large", ""))(t)
	_, err := io.CopyN(io.Discard, reader, mebibyte)
	expect(t, err, nil)
	cancel()
	if _, err := io.Copy(io.Discard, reader); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestAStreamThatStandsStillIsGivenUpAndBegunAnew(t *testing.T) {
	content := noise(13, 8*mebibyte)
	must(connect(t).Save(t.Context(), "large", content))(t)
	between := startProxy(t, address(t))
	// Without the pings that would find out too that nobody is there.
	noPings := grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Hour})
	client := connectTo(t, between.address, argosy.WithIdleTimeout(500*time.Millisecond), argosy.WithDialOptions(noPings))
	passed, isStuck, givenUp := 0, false, make(chan struct{})
	between.set(func(piece []byte) []byte {
		// The frame by which HTTP/2 gives a stream up.
		if isStuck && bytes.Contains(piece, []byte{0, 0, 4, 3, 0, 0, 0, 0}) {
			select {
			case <-givenUp:
			default:
				close(givenUp)
			}
		}
		return piece
	}, func(piece []byte) []byte {
		if passed += len(piece); passed <= 3*mebibyte || isStuck {
			return piece
		}
		isStuck = true
		between.mutex.Unlock()
		<-givenUp
		between.mutex.Lock()
		return nil
	})
	var loaded []byte
	must(client.Load(t.Context(), "large", &loaded))(t)
	if !bytes.Equal(loaded, content) || !isStuck {
		t.Fatal("other bytes came back, or nothing stood still")
	}
}

// openUploads asks the server's own table which uploads wait for bytes.
func openUploads(t testing.TB, client *argosy.Client) string {
	t.Helper()
	code := "import sqlite3,sys;print([row[0] for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2],[sys.argv[3]])])"
	return python(t, client, code, filepath.Join(sharedServer(t).Data, "metadata.db"),
		"SELECT id FROM uploads WHERE project = ? AND lower(state) = 'open'", client.Project())
}

// once acts when so many bytes are sent, once.
func once(at int64, act func()) argosy.Progress {
	var acted bool
	return func(_ string, sent int64) {
		if sent >= at && !acted {
			acted = true
			act()
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(target []byte) (int, error) { return f(target) }
