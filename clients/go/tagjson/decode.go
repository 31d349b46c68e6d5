package tagjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Unmarshal reads a document into the value destination points at. An unknown escape is an error.
func (r Reader) Unmarshal(document []byte, destination any) error {
	d := decoder{reader: r}
	value, err := d.document(document)
	if err != nil {
		return err
	}
	if target, ok := destination.(*any); ok {
		*target = value
		return nil
	}
	if d.escapes {
		if document, err = lower(value); err != nil {
			return err
		}
	}
	return json.Unmarshal(document, destination)
}

// decoder turns tokens into values.
type decoder struct {
	reader Reader
	tokens *json.Decoder
	// plain takes escapes for ordinary objects.
	plain bool
	// escapes is set when there was one.
	escapes bool
}

func (d *decoder) document(document []byte) (any, error) {
	if !utf8.Valid(document) {
		return nil, bad("", "it is not UTF-8")
	}
	if hasLoneSurrogate(document) {
		return nil, bad("", `it has a lone surrogate, which is "$str"`)
	}
	d.tokens = json.NewDecoder(bytes.NewReader(document))
	d.tokens.UseNumber()
	value, err := d.value("", 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.tokens.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("", "something follows its end")
	}
	return value, nil
}

func (d *decoder) value(path string, depth int) (any, error) {
	// An escape takes up to four levels of JSON for one of Python.
	if depth > 4*deepest {
		return nil, at("", errTooDeep)
	}
	token, err := d.tokens.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, at(path, err)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return d.list(path, depth)
		}
		return d.object(path, depth)
	case json.Number:
		return number(path, string(token))
	default:
		return token, nil
	}
}

func (d *decoder) list(path string, depth int) (any, error) {
	items := []any{}
	for d.tokens.More() {
		item, err := d.value(fmt.Sprintf("%s[%d]", path, len(items)), depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.tokens.Token()
	if err != nil {
		return nil, at(path, err)
	}
	return items, nil
}

func (d *decoder) object(path string, depth int) (any, error) {
	members := map[string]any{}
	for d.tokens.More() {
		token, err := d.tokens.Token()
		if err != nil {
			return nil, at(path, err)
		}
		name, _ := token.(string) // the decoder lets nothing else be a name
		if _, twice := members[name]; twice {
			return nil, bad(path, "it has the member %q twice", name)
		}
		if members[name], err = d.value(path+"."+name, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := d.tokens.Token(); err != nil {
		return nil, at(path, err)
	}
	if len(members) == 1 && !d.plain {
		for name, payload := range members {
			if strings.HasPrefix(name, "$") {
				d.escapes = true
				return d.escape(path, name, payload)
			}
		}
	}
	return members, nil
}

func number(path, text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, bad(path, "%s is no float of 64 bits", text)
		}
		return value, nil
	}
	if value, err := strconv.ParseInt(text, 10, 64); err == nil {
		return value, nil
	}
	value, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, bad(path, "%s is no number", text)
	}
	return value, nil
}

// hasLoneSurrogate tells whether an escape sequence stands for half a character. encoding/json would
// put another character in its place without a word.
func hasLoneSurrogate(document []byte) bool {
	for i := 0; i < len(document)-1; i++ {
		if document[i] != '\\' {
			continue
		}
		i++ // what is escaped is no beginning of an escape
		first, ok := surrogate(document, i)
		if !ok {
			continue
		}
		second, ok := surrogate(document, i+6)
		if first >= 0xdc00 || !ok || document[i+5] != '\\' || second < 0xdc00 {
			return true
		}
		i += 10
	}
	return false
}

// surrogate reads "uXXXX" at a place, when it is a surrogate.
func surrogate(document []byte, at int) (uint64, bool) {
	if at+5 > len(document) || document[at] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(document[at+1:at+5]), 16, 16)
	return code, err == nil && code >= 0xd800 && code <= 0xdfff
}
