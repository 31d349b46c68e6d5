package tagjson

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Marshal returns the document of a value. Structs are written as encoding/json does it, by their
// json tags; floats keep their point, and int keys of maps stay numbers.
func (w Writer) Marshal(value any) ([]byte, error) {
	e := &encoder{writer: w}
	if err := e.value("", value, 0); err != nil {
		return nil, err
	}
	return e.out.Bytes(), nil
}

// encoder writes values as text.
type encoder struct {
	writer Writer
	out    bytes.Buffer
}

func (e *encoder) value(path string, value any, depth int) error {
	return e.content(path, reflect.ValueOf(value), depth)
}

// content writes what lies in a place: a field, an element, what a pointer points at.
func (e *encoder) content(path string, place reflect.Value, depth int) error {
	if depth > deepest {
		return at("", errTooDeep)
	}
	if place.Kind() == reflect.Interface { // what lies in one is no level deeper
		place = place.Elem()
	}
	switch value := valueIn(place).(type) {
	case nil:
		e.out.WriteString("null")
	case bool:
		e.out.WriteString(strconv.FormatBool(value))
	case string:
		return e.text(path, value)
	case []byte:
		return e.bytes(path, value)
	case *big.Int:
		return e.bigInt(value)
	case big.Int:
		return e.bigInt(&value)
	case uuid.UUID:
		return e.tagged("$uuid", value.String())
	case time.Time:
		return e.moment(path, value)
	case time.Duration:
		return e.duration(path, value)
	case Tuple:
		return e.wrapped(path, "$tuple", append([]any{}, value...), depth)
	case Set:
		return e.set(path, "$set", value, depth)
	case Dict:
		return e.dict(path, value, depth)
	case Escape:
		if !isKnown(value.Name) || value.Name == "$value" {
			return bad(path, "%q is no escape", value.Name)
		}
		return e.wrapped(path, value.Name, value.Payload, depth)
	case json.Number:
		parsed, err := number(path, string(value))
		if err != nil {
			return err
		}
		return e.value(path, parsed, depth)
	case json.Marshaler:
		return e.marshaler(path, value, depth)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			return at(path, err)
		}
		return e.text(path, string(text))
	default:
		if isNested, err := e.nested(path, value); isNested || err != nil {
			return err
		}
		return e.reflected(path, place, depth)
	}
	return nil
}

// valueIn is what tells how the value in a place is written; nil for a nil pointer. A pointer to what says of itself how
// it is written counts as that, so that moments and UUIDs are the same behind one. What says so by its pointer only, and
// lies where it has one, is taken by that, as encoding/json does.
func valueIn(place reflect.Value) any {
	for !isNil(place) && (place.Kind() == reflect.Interface || place.Kind() == reflect.Pointer && marshals(place.Type().Elem())) {
		place = place.Elem()
	}
	switch {
	case isNil(place):
		return nil
	case place.CanAddr() && !marshals(place.Type()) && marshals(reflect.PointerTo(place.Type())):
		return place.Addr().Interface()
	default:
		return place.Interface()
	}
}

func isNil(place reflect.Value) bool {
	return !place.IsValid() || (place.Kind() == reflect.Pointer || place.Kind() == reflect.Interface) && place.IsNil()
}

// marshals tells whether values of a type say themselves how they are written.
func marshals(kind reflect.Type) bool {
	return kind.Implements(reflect.TypeFor[json.Marshaler]()) || kind.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// tagged writes {"name": "text"}.
func (e *encoder) tagged(name, text string) error {
	fmt.Fprintf(&e.out, `{"%s":"%s"}`, name, text)
	return nil
}

func (e *encoder) wrapped(path, name string, payload any, depth int) error {
	fmt.Fprintf(&e.out, `{"%s":`, name)
	if err := e.value(path+"."+name, payload, depth); err != nil {
		return err
	}
	e.out.WriteByte('}')
	return nil
}

func (e *encoder) text(path, text string) error {
	if utf8.ValidString(text) {
		return e.quoted(text)
	}
	if !isWTF8(text) {
		return bad(path, "the text is not UTF-8; save it as []byte")
	}
	return e.tagged("$str", base64.StdEncoding.EncodeToString([]byte(text)))
}

func (e *encoder) quoted(text string) error {
	encoder := json.NewEncoder(&e.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return err
	}
	e.out.Truncate(e.out.Len() - 1) // the line end
	return nil
}

// isWTF8 tells whether a text is UTF-8 but for lone surrogates of three bytes each.
func isWTF8(text string) bool {
	for len(text) > 0 {
		if _, size := utf8.DecodeRuneInString(text); size > 1 || text[0] < utf8.RuneSelf {
			text = text[size:]
			continue
		}
		if len(text) < 3 || text[0] != 0xed || text[1] < 0xa0 || text[1] > 0xbf || text[2] < 0x80 || text[2] > 0xbf {
			return false
		}
		text = text[3:]
	}
	return true
}

func (e *encoder) bytes(path string, content []byte) error {
	if len(content) <= longestBytes {
		return e.tagged("$bytes", base64.StdEncoding.EncodeToString(content))
	}
	if isNested, err := e.nested(path, content); isNested || err != nil {
		return err
	}
	return at(path, errNoNested)
}

func (e *encoder) nested(path string, value any) (bool, error) {
	if e.writer.Nested == nil {
		return false, nil
	}
	where, ok, err := e.writer.Nested(value)
	if err != nil {
		return false, at(path, err)
	}
	if !ok {
		return false, nil
	}
	text, err := json.Marshal(where)
	if err != nil {
		return false, at(path, err)
	}
	fmt.Fprintf(&e.out, `{"$value":%s}`, text)
	return true, nil
}

func (e *encoder) bigInt(value *big.Int) error {
	switch {
	case value.IsInt64() && value.Int64() >= -largest && value.Int64() <= largest:
		e.out.WriteString(value.String())
	case value.BitLen() > 4096:
		return e.tagged("$int", fmt.Sprintf("%#x", value))
	default:
		return e.tagged("$int", value.String())
	}
	return nil
}

func (e *encoder) float(value float64, bits int) error {
	switch {
	case math.IsNaN(value):
		return e.tagged("$float", "nan")
	case math.IsInf(value, 1):
		return e.tagged("$float", "inf")
	case math.IsInf(value, -1):
		return e.tagged("$float", "-inf")
	}
	text := strconv.AppendFloat(nil, value, 'g', -1, bits)
	if !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	e.out.Write(text)
	return nil
}

func (e *encoder) moment(path string, value time.Time) error {
	if value.Nanosecond()%1000 != 0 {
		return bad(path, "%s has nanoseconds, which are not kept; use Truncate(time.Microsecond)", value)
	}
	if value.Year() < 1 || value.Year() > 9999 {
		return bad(path, "%s is not in the years 1 to 9999", value)
	}
	layout := "2006-01-02T15:04:05"
	if value.Nanosecond() != 0 {
		layout += ".000000"
	}
	if _, offset := value.Zone(); offset%60 != 0 {
		return e.tagged("$datetime", value.Format(layout+"-07:00:00"))
	}
	return e.tagged("$datetime", value.Format(layout+"-07:00"))
}

func (e *encoder) duration(path string, value time.Duration) error {
	if value%time.Microsecond != 0 {
		return bad(path, "%s has nanoseconds, which are not kept; use Truncate(time.Microsecond)", value)
	}
	all := int64(value / time.Microsecond)
	days := all / microsecondsOfDay
	if all%microsecondsOfDay < 0 {
		days-- // Python keeps seconds and microseconds positive
	}
	rest := all - days*microsecondsOfDay
	fmt.Fprintf(&e.out, `{"$timedelta":[%d,%d,%d]}`, days, rest/1_000_000, rest%1_000_000)
	return nil
}

// set writes members in the order of their text, without repetitions.
func (e *encoder) set(path, name string, items []any, depth int) error {
	texts := make([]string, 0, len(items))
	for i, item := range items {
		text, err := e.apart(fmt.Sprintf("%s[%d]", path, i), item, depth+1)
		if err != nil {
			return err
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	fmt.Fprintf(&e.out, `{"%s":[`, name)
	for i, text := range slices.Compact(texts) {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.out.WriteString(text)
	}
	e.out.WriteString("]}")
	return nil
}

// apart returns the text of a value without writing it.
func (e *encoder) apart(path string, value any, depth int) (string, error) {
	inner := &encoder{writer: e.writer}
	err := inner.value(path, value, depth)
	return inner.out.String(), err
}

func (e *encoder) dict(path string, dict Dict, depth int) error {
	items := make([]any, 0, len(dict))
	for _, pair := range dict {
		items = append(items, []any{pair.Key, pair.Value})
	}
	return e.wrapped(path, "$dict", items, depth)
}

// marshaler writes what a value says of itself; an object in it that looks like an escape is none.
func (e *encoder) marshaler(path string, value json.Marshaler, depth int) error {
	text, err := value.MarshalJSON()
	if err != nil {
		return at(path, err)
	}
	plain := decoder{plain: true}
	parsed, err := plain.document(text)
	if err != nil {
		return at(path, err)
	}
	return e.value(path, parsed, depth)
}
