package blake3_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	reference "lukechampine.com/blake3"

	"example.com/argosy/clients/go/internal/blake3"
)

// content has byte i modulo 251 at i.
func content(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return data
}

func TestDigestsAreThoseAllClientsShare(t *testing.T) {
	document, err := os.ReadFile("../../../../protos/testdata/digests.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Contents []struct {
			SizeBytes int `json:"size_bytes"`
			Digest    string
		}
	}
	if err := json.Unmarshal(document, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, vector := range vectors.Contents {
		sum := blake3.Sum256(content(vector.SizeBytes))
		if got := "blake3:" + hex.EncodeToString(sum[:]); got != vector.Digest {
			t.Errorf("%d bytes: %s, not %s", vector.SizeBytes, got, vector.Digest)
		}
	}
	if len(vectors.Contents) == 0 {
		t.Error("there are no vectors")
	}
}

// Around each number of chunks and groups at which the tree changes its shape.
func TestEverySizeOfTreeHasTheDigestOfTheReference(t *testing.T) {
	data := content(40 * 16384)
	for chunks := range 40 * 16 {
		for _, size := range []int{chunks*1024 - 1, chunks * 1024, chunks*1024 + 1} {
			if size < 0 {
				continue
			}
			if blake3.Sum256(data[:size]) != reference.Sum256(data[:size]) {
				t.Fatalf("%d bytes", size)
			}
		}
	}
}

func TestTheDigestIsTheSameHoweverTheBytesAreCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := content(1 << 20)
	for _, longest := range []int{1, 1000, 16384, 16385, 100_000, 1 << 20} {
		t.Run(fmt.Sprint(longest), func(t *testing.T) {
			var hasher blake3.Hasher
			size := min(len(data), longest*2000)
			for at := 0; at < size; {
				piece := min(1+random.IntN(longest), size-at)
				_, _ = hasher.Write(data[at : at+piece])
				at += piece
				if random.IntN(50) == 0 && hasher.Sum() != reference.Sum256(data[:at]) {
					t.Fatalf("the first %d bytes", at)
				}
			}
			if hasher.Sum() != reference.Sum256(data[:size]) {
				t.Error("all bytes")
			}
		})
	}
}

func BenchmarkHasher(b *testing.B) {
	data := content(64 << 20)
	for _, piece := range []int{16 << 10, 1 << 20} {
		b.Run(fmt.Sprint(piece), func(b *testing.B) {
			var hasher blake3.Hasher
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				for at := 0; at < len(data); at += piece {
					_, _ = hasher.Write(data[at : at+piece])
				}
			}
		})
	}
}
