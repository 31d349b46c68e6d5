package tagjson

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// escape turns a known escape into the natural Go value, or keeps it as it is.
func (d *decoder) escape(path, name string, payload any) (any, error) {
	path += "." + name
	if !isKnown(name) {
		return nil, bad(path, "the escape is unknown; a newer client may know it")
	}
	if name == "$value" {
		return d.nested(path, payload)
	}
	read := natural(name)
	if read == nil {
		return Escape{name, payload}, nil
	}
	value, isNatural, isMalformed := read(payload)
	switch {
	case isMalformed:
		return nil, bad(path, "%v is malformed", payload)
	case !isNatural:
		return Escape{name, payload}, nil
	default:
		return value, nil
	}
}

// fromBase64 takes no ends of lines, which the decoder passes over.
func fromBase64(text string) ([]byte, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	return raw, err == nil && !strings.ContainsAny(text, "\r\n")
}

// reading turns a payload into a natural value; a well-formed one that has none stays an Escape.
type reading func(payload any) (value any, isNatural, isMalformed bool)

func natural(name string) reading {
	switch name {
	case "$int":
		return ofText(readInt)
	case "$float":
		return ofText(readFloat)
	case "$str":
		return ofText(func(text string) (any, bool) {
			raw, isOne := fromBase64(text)
			return string(raw), isOne
		})
	case "$bytes":
		return ofText(func(text string) (any, bool) {
			return fromBase64(text)
		})
	case "$uuid":
		return ofText(func(text string) (any, bool) {
			id, err := uuid.Parse(text)
			return id, err == nil && len(text) == 36
		})
	case "$datetime":
		return readDatetime
	case "$date":
		return kept(func(text string) bool { return parses(text, "2006-01-02") })
	case "$time":
		return keptOrList(func(text string) bool { return parses(withoutOffset(text), "15:04:05.999999") })
	case "$decimal":
		return kept(decimal.MatchString)
	case "$timedelta":
		return readTimedelta
	case "$complex":
		return readComplex
	case "$tuple":
		return ofList(func(items []any) any { return Tuple(items) })
	case "$set":
		return ofList(func(items []any) any { return Set(items) })
	case "$dict":
		return readDict
	default:
		return nil
	}
}

func ofText(read func(string) (any, bool)) reading {
	return func(payload any) (any, bool, bool) {
		text, ok := payload.(string)
		if !ok {
			return nil, false, true
		}
		value, ok := read(text)
		return value, ok, !ok
	}
}

func ofList(read func([]any) any) reading {
	return func(payload any) (any, bool, bool) {
		items, ok := payload.([]any)
		return read(items), ok, !ok
	}
}

func readInt(text string) (any, bool) {
	digits, isNegative := strings.CutPrefix(text, "-")
	base := 10
	if rest, isHex := strings.CutPrefix(digits, "0x"); isHex {
		digits, base = rest, 16
	}
	value, ok := new(big.Int).SetString(digits, base)
	if !ok || strings.ContainsAny(digits, "+-_") {
		return nil, false
	}
	if isNegative {
		value.Neg(value)
	}
	return value, true
}

func readFloat(text string) (any, bool) {
	switch text {
	case "nan":
		return math.NaN(), true
	case "inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	default:
		return nil, false
	}
}

// readDatetime reads a moment with an offset; one without, or of a named zone, has no type in Go.
func readDatetime(payload any) (any, bool, bool) {
	text, isText := payload.(string)
	if !isText {
		_, isList := payload.([]any)
		return nil, false, !isList
	}
	if !parses(withoutOffset(text), "2006-01-02T15:04:05.999999") {
		return nil, false, true
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999Z07:00", "2006-01-02T15:04:05.999999Z07:00:00"} {
		if moment, err := time.Parse(layout, text); err == nil {
			if _, offset := moment.Zone(); offset == 0 {
				moment = moment.UTC()
			} else {
				moment = moment.In(time.FixedZone("", offset)) // not the zone of this machine
			}
			return moment, true, false
		}
	}
	return nil, false, false
}

// decimal is what Python writes of a decimal.Decimal.
var decimal = regexp.MustCompile(`^[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity|s?NaN\d*)$`)

// offset is what ends a moment with one; fractions of its seconds have no type in Go.
var offset = regexp.MustCompile(`(?:Z|[+-]\d\d:\d\d(?::\d\d(?:\.\d{6})?)?)$`)

func withoutOffset(text string) string {
	if date, clock, ok := strings.Cut(text, "T"); ok {
		return date + "T" + offset.ReplaceAllString(clock, "")
	}
	return offset.ReplaceAllString(text, "")
}

func parses(text, layout string) bool {
	_, err := time.Parse(layout, text)
	return err == nil
}

// kept checks a text that stays an escape.
func kept(isWellFormed func(string) bool) reading {
	return func(payload any) (any, bool, bool) {
		text, ok := payload.(string)
		return nil, false, !ok || !isWellFormed(text)
	}
}

// keptOrList does so too, and lets lists pass.
func keptOrList(isWellFormed func(string) bool) reading {
	return func(payload any) (any, bool, bool) {
		if _, isList := payload.([]any); isList {
			return nil, false, false
		}
		return kept(isWellFormed)(payload)
	}
}

const microsecondsOfDay = 24 * 60 * 60 * 1_000_000

func readTimedelta(payload any) (any, bool, bool) {
	items, _ := payload.([]any)
	if len(items) != 3 {
		return nil, false, true
	}
	days, ok0 := items[0].(int64)
	seconds, ok1 := items[1].(int64)
	microseconds, ok2 := items[2].(int64)
	if !ok0 || !ok1 || !ok2 {
		return nil, false, true
	}
	const mostDays = math.MaxInt64/1000/microsecondsOfDay - 1
	if days > mostDays || days < -mostDays {
		return nil, false, false // more than 292 years
	}
	return time.Duration(days*microsecondsOfDay+seconds*1_000_000+microseconds) * time.Microsecond, true, false
}

func readComplex(payload any) (any, bool, bool) {
	items, _ := payload.([]any)
	if len(items) != 2 {
		return nil, false, true
	}
	re, ok0 := items[0].(float64)
	im, ok1 := items[1].(float64)
	return complex(re, im), true, !ok0 || !ok1
}

func readDict(payload any) (any, bool, bool) {
	items, ok := payload.([]any)
	dict := make(Dict, 0, len(items))
	for _, item := range items {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			return nil, false, true
		}
		dict = append(dict, Pair{pair[0], pair[1]})
	}
	return dict, true, !ok
}

func (d *decoder) nested(path string, payload any) (any, error) {
	members, _ := payload.(map[string]any)
	texts := make(map[string]string, len(members))
	for name, value := range members {
		texts[name], _ = value.(string)
	}
	where := Nested{At: texts["at"], Materializer: texts["materializer"], Type: texts["type"], Format: texts["format"]}
	number, ok := strings.CutPrefix(where.At, "items/")
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" || where.Format == "" {
		return nil, bad(path, "%v is malformed", payload)
	}
	if d.reader.Nested == nil {
		return nil, at(path, errNoNested)
	}
	value, err := d.reader.Nested(where)
	if err != nil {
		return nil, at(path, err)
	}
	return value, nil
}
