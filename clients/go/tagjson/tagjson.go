// Package tagjson reads and writes the documents of the format "json": plain JSON, in which a value
// that JSON cannot say is an object with exactly one member whose name begins with "$"
// (docs/formats.md lists them).
//
// What comes out of [Unmarshal] into an any is, besides what encoding/json makes: int64 and float64
// for numbers without and with a fraction or exponent, [*big.Int], []byte, complex128, [time.Time],
// [time.Duration], [uuid.UUID], [Tuple], [Set], [Dict], and [Escape] for whatever has no type of its
// own in Go. [Marshal] writes all of them as they came. Into any other destination it reads as
// encoding/json does, with what has a natural form there ("$datetime" into a time.Time, "$int" into a
// big.Int) in that form, and an error for the rest.
package tagjson

import (
	"errors"
	"fmt"
	"strings"
)

// Tuple is a Python tuple.
type Tuple []any

// Set is a Python set; its order means nothing.
type Set []any

// Dict is a Python dict with keys that are not plain text, or whose only key begins with "$".
type Dict []Pair

// Pair is one item of a [Dict].
type Pair struct{ Key, Value any }

// Escape is a value that has no type of its own in Go, such as {"$decimal": "1.10"}. Its payload is
// decoded.
type Escape struct {
	// Name is that of the member, with its "$".
	Name string
	// Payload is what the member holds.
	Payload any
}

// Nested says where a part of another format lies: below At, in the layout of its own Format.
type Nested struct {
	At           string `json:"at"`
	Materializer string `json:"materializer"`
	Type         string `json:"type"`
	Format       string `json:"format"`
}

// Reader reads documents whose parts may be of other formats.
type Reader struct {
	// Nested loads such a part; nil refuses them.
	Nested func(Nested) (any, error)
}

// Writer writes documents whose parts may be of other formats.
type Writer struct {
	// Nested takes a value JSON cannot hold (long bytes, an array) and tells where it put it; ok is
	// false for a value it does not know. Nil refuses them.
	Nested func(value any) (where Nested, ok bool, err error)
}

// longestBytes is how many bytes stand in the document itself; longer ones are parts of format "bytes".
const longestBytes = 4096

// deepest is how many levels a document may have.
const deepest = 150

// largest is the largest integer every reader holds exactly: 2^53 - 1.
const largest = 1<<53 - 1

// known are the escapes of docs/formats.md.
const known = "$int $float $str $bytes $bytearray $complex $decimal $fraction $uuid $datetime $date $time $timedelta " +
	"$timezone $zoneinfo $range $slice $tuple $set $frozenset $deque $dict $ordereddict $counter $defaultdict " +
	"$enum $flag $namedtuple $dataclass $model $numpy $pandas $value "

var errTooDeep = fmt.Errorf("it is nested more than %d levels deep, or contains itself", deepest)

func isKnown(name string) bool {
	return strings.Contains(known, name+" ") && !strings.Contains(name, " ")
}

// Marshal returns the document of a value; see [Writer.Marshal].
func Marshal(value any) ([]byte, error) { return Writer{}.Marshal(value) }

// Unmarshal reads a document into the value destination points at; see [Reader.Unmarshal].
func Unmarshal(document []byte, destination any) error {
	return Reader{}.Unmarshal(document, destination)
}

func at(path string, err error) error {
	if path == "" {
		path = "the document"
	}
	return fmt.Errorf("json: %s: %w", path, err)
}

func bad(path, format string, arguments ...any) error {
	return at(path, fmt.Errorf(format, arguments...))
}

var errNoNested = errors.New("it holds a part of another format; save or load the whole value with the client")
