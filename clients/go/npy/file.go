package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// longestHeader is the most a header may have, so that a damaged one asks for no memory.
	longestHeader = 1 << 20
	// alignment is to what NumPy aligns the elements.
	alignment = 64
	// pieceBytes is how much is converted at once.
	pieceBytes = 64 << 10
)

// Read reads an array. Content that is shorter or longer than its header says is an error.
func Read(content io.Reader) (*Array, error) {
	header, err := readHeader(content)
	if err != nil {
		return nil, err
	}
	array, kind, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	if err := readElements(content, array, kind); err != nil {
		return nil, err
	}
	switch n, err := io.ReadFull(content, make([]byte, 1)); {
	case n > 0:
		return nil, errors.New("npy: the file is longer than its header says")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("npy: %w", err)
	}
	return array, nil
}

// Write writes an array as NumPy does.
func Write(target io.Writer, array *Array) error {
	if err := array.check(); err != nil {
		return err
	}
	kind, err := kindOf(array.Data)
	if err != nil {
		return err
	}
	if _, err := target.Write(headerOf(array, kind)); err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return writeElements(target, array, kind)
}

func readHeader(content io.Reader) (string, error) {
	fixed := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(content, fixed); err != nil || string(fixed[:len(magic)]) != magic {
		return "", fmt.Errorf("npy: it does not begin as npy files do (%w)", orMalformed(err))
	}
	width := 4
	switch major := fixed[len(magic)]; major {
	case 1:
		width = 2
	case 2, 3:
	default:
		return "", fmt.Errorf("npy: version %d.%d is unknown", major, fixed[len(magic)+1])
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(content, length[:width]); err != nil {
		return "", fmt.Errorf("npy: the header ends early: %w", err)
	}
	size := binary.LittleEndian.Uint32(length)
	if size > longestHeader {
		return "", fmt.Errorf("npy: a header of %d bytes is too long", size)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(content, header); err != nil {
		return "", fmt.Errorf("npy: the header ends early: %w", err)
	}
	return string(header), nil
}

var errMalformed = errors.New("malformed")

func orMalformed(err error) error {
	if err == nil {
		return errMalformed
	}
	return err
}

// The header is a Python literal of three members, in any order.
var (
	structured   = regexp.MustCompile(`['"]descr['"]\s*:\s*\[`)
	headerShape  = regexp.MustCompile(`^\{(.*)['"]shape['"]\s*:\s*\(([0-9L,\s]*)\)(.*)\}\s*$`)
	headerMember = regexp.MustCompile(`^\s*['"]([a-z_]+)['"]\s*:\s*(?:['"]([^'"]*)['"]|(True|False))\s*$`)
	descr        = regexp.MustCompile(`^([<>=|]?)([a-zA-Z][0-9]*)(.*)$`)
)

func parseHeader(header string) (*Array, kind, error) {
	if structured.MatchString(header) {
		return nil, kind{}, &DtypeError{"structured", "let the producer save each field as an array of its own, array[\"name\"]"}
	}
	parts := headerShape.FindStringSubmatch(header)
	if parts == nil {
		return nil, kind{}, fmt.Errorf("npy: the header %q is malformed", header)
	}
	array := &Array{}
	members := map[string]string{}
	for member := range strings.SplitSeq(parts[1]+","+parts[3], ",") {
		if strings.TrimSpace(member) == "" {
			continue
		}
		found := headerMember.FindStringSubmatch(member)
		if found == nil {
			return nil, kind{}, fmt.Errorf("npy: the header %q is malformed", header)
		}
		members[found[1]] = found[2] + found[3]
	}
	if len(members) != 2 || members["descr"] == "" || members["fortran_order"] == "" {
		return nil, kind{}, fmt.Errorf("npy: the header %q is malformed", header)
	}
	array.Fortran = members["fortran_order"] == "True"
	if err := parseShape(array, parts[2]); err != nil {
		return nil, kind{}, err
	}
	found, err := parseKind(array, members["descr"])
	return array, found, err
}

func parseShape(array *Array, text string) error {
	array.Shape = []int{}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSuffix(strings.TrimSpace(item), "L")
		if item == "" {
			continue
		}
		length, err := strconv.Atoi(item)
		if err != nil {
			return fmt.Errorf("npy: the shape (%s) is malformed", text)
		}
		array.Shape = append(array.Shape, length)
	}
	if _, ok := count(array.Shape); !ok {
		return fmt.Errorf("npy: the shape %v is none an array can have", array.Shape)
	}
	return nil
}

func parseKind(array *Array, text string) (kind, error) {
	parts := descr.FindStringSubmatch(text)
	if parts == nil || parts[3] != "" {
		return kind{}, unsupported(text)
	}
	for _, kind := range kinds() {
		if kind.code == parts[2] {
			array.BigEndian = parts[1] == ">"
			return kind, nil
		}
	}
	return kind{}, unsupported(text)
}

// DtypeError says that the elements of an array are of a type that Go has no numbers for.
type DtypeError struct {
	// Dtype is NumPy's name of it, or "structured" for elements with fields.
	Dtype string
	// Cure is what the producer can do about it.
	Cure string
}

func (e *DtypeError) Error() string {
	return fmt.Sprintf("npy: elements of dtype %q are not supported; %s", e.Dtype, e.Cure)
}

func unsupported(dtype string) error {
	cure := "let the producer save numbers or bools"
	switch text := strings.TrimLeft(dtype, "<>=|"); text[:min(len(text), 1)] {
	case "M", "m":
		cure = `let the producer save its ticks, array.view("i8")`
	case "U", "S":
		cure = "let the producer save it as a list, array.tolist()"
	case "f":
		cure = `let the producer save array.astype("f8")`
	case "c":
		cure = `let the producer save array.astype("c16")`
	}
	return &DtypeError{dtype, cure}
}

func headerOf(array *Array, kind kind) []byte {
	order, fortran := "<", "False"
	if array.BigEndian {
		order = ">"
	}
	if kind.size() == 1 {
		order = "|"
	}
	if array.Fortran {
		fortran = "True"
	}
	shape := ""
	for i, length := range array.Shape {
		if i > 0 {
			shape += " "
		}
		shape += strconv.Itoa(length) + ","
	}
	if len(array.Shape) > 1 {
		shape = strings.TrimSuffix(shape, ",")
	}
	text := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': %s, 'shape': (%s), }", order, kind.code, fortran, shape)
	fixed := len(magic) + 4
	version := []byte{1, 0}
	if fixed+len(text)+alignment > 1<<16 {
		version, fixed = []byte{2, 0}, fixed+2
	}
	padding := alignment - (fixed+len(text)+1)%alignment
	text += strings.Repeat(" ", padding%alignment) + "\n"
	head := append([]byte(magic), version...)
	if version[0] == 1 {
		head = binary.LittleEndian.AppendUint16(head, uint16(len(text)))
	} else {
		head = binary.LittleEndian.AppendUint32(head, uint32(len(text)))
	}
	return append(head, text...)
}

func readElements(content io.Reader, array *Array, kind kind) error {
	length, _ := count(array.Shape) // it was checked by parseShape
	// Memory grows with what has come, so that a damaged header asks for none.
	const first = 64 << 20
	have := min(length, first/kind.size())
	data := kind.slice(have)
	for done := 0; ; {
		raw := kind.bytesOf(data)[done*kind.size():]
		if _, err := io.ReadFull(content, raw); err != nil {
			return fmt.Errorf("npy: the file is shorter than its header says: %w", err)
		}
		if done = have; have == length {
			break
		}
		have = min(length, 2*have)
		grown := kind.slice(have)
		copy(kind.bytesOf(grown), kind.bytesOf(data))
		data = grown
	}
	raw := kind.bytesOf(data)
	if array.BigEndian != nativeIsBig() {
		swap(raw, kind)
	}
	if kind.code == "b1" {
		for i, value := range raw {
			if value > 1 {
				return fmt.Errorf("npy: element %d is %d, no bool", i, value)
			}
		}
	}
	array.Data = data
	return nil
}

func writeElements(target io.Writer, array *Array, kind kind) error {
	raw := kind.bytesOf(array.Data)
	if array.BigEndian == nativeIsBig() {
		_, err := target.Write(raw)
		return err
	}
	piece := make([]byte, 0, pieceBytes)
	for len(raw) > 0 {
		n := min(len(raw), pieceBytes)
		piece = append(piece[:0], raw[:n]...)
		swap(piece, kind)
		if _, err := target.Write(piece); err != nil {
			return fmt.Errorf("npy: %w", err)
		}
		raw = raw[n:]
	}
	return nil
}

// swap changes the byte order of elements; both parts of a complex number have one of their own.
func swap(raw []byte, kind kind) {
	size := kind.size()
	if kind.code[0] == 'c' {
		size /= 2
	}
	for ; len(raw) >= size; raw = raw[size:] {
		for i, j := 0, size-1; i < j; i, j = i+1, j-1 {
			raw[i], raw[j] = raw[j], raw[i]
		}
	}
}

func nativeIsBig() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) != 1 }
