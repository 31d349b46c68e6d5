package tagjson

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// lower returns a document without escapes, as encoding/json would have written what has a natural
// form there.
func lower(value any) ([]byte, error) {
	plain, err := lowered("", value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

func lowered(path string, value any) (any, error) {
	switch value := value.(type) {
	case nil, bool, int64, []byte, *big.Int, uuid.UUID, time.Time:
		return value, nil
	case time.Duration:
		return int64(value), nil
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, bad(path, "encoding/json has no %g; load into an any", value)
		}
		return value, nil
	case string:
		if !utf8.ValidString(value) {
			return nil, bad(path, "the text has lone surrogates; load into an any")
		}
		return value, nil
	case []any:
		return loweredList(path, value)
	case Tuple:
		return loweredList(path, value)
	case Set:
		return loweredList(path, value)
	case map[string]any:
		members := make(map[string]any, len(value))
		for name, member := range value {
			var err error
			if members[name], err = lowered(path+"."+name, member); err != nil {
				return nil, err
			}
		}
		return members, nil
	case Dict:
		return loweredDict(path, value)
	case Escape:
		return loweredEscape(path, value)
	default:
		return nil, bad(path, "a %T cannot be put into a struct; load into an any", value)
	}
}

func loweredList(path string, items []any) (any, error) {
	list := make([]any, len(items))
	for i, item := range items {
		var err error
		if list[i], err = lowered(fmt.Sprintf("%s[%d]", path, i), item); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func loweredDict(path string, dict Dict) (any, error) {
	members := make(map[string]any, len(dict))
	for _, pair := range dict {
		var name string
		switch key := pair.Key.(type) {
		case string:
			name = key
		case int64:
			name = strconv.FormatInt(key, 10)
		default:
			return nil, bad(path, "encoding/json has no keys of %T; load into an any", pair.Key)
		}
		if _, twice := members[name]; twice {
			return nil, bad(path, "two keys read %q; load into an any", name)
		}
		var err error
		if members[name], err = lowered(path+"."+name, pair.Value); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// loweredEscape takes what encoding/json reads naturally out of an escape.
func loweredEscape(path string, escape Escape) (any, error) {
	path += "." + escape.Name
	items, isList := escape.Payload.([]any)
	switch escape.Name {
	case "$bytearray", "$decimal", "$date", "$time", "$datetime", "$zoneinfo":
		if text, ok := escape.Payload.(string); ok {
			return text, nil
		}
	case "$frozenset":
		if isList {
			return loweredList(path, items)
		}
	case "$deque":
		if len(items) == 2 {
			return lowered(path, items[0])
		}
	case "$ordereddict", "$counter":
		if dict, ok, _ := readDict(escape.Payload); ok {
			return lowered(path, dict)
		}
	case "$enum", "$flag", "$namedtuple", "$dataclass", "$model", "$numpy":
		if len(items) >= 2 {
			return lowered(path, items[1])
		}
	case "$defaultdict":
		if len(items) == 2 {
			if dict, ok, _ := readDict(items[1]); ok {
				return lowered(path, dict)
			}
		}
	case "$pandas":
		if len(items) == 1 {
			return nil, nil
		}
	}
	return nil, bad(path, "it has no natural form in encoding/json; load into an any")
}
