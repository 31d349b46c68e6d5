package tagjson

import (
	"fmt"
	"math/big"
	"reflect"
	"sort"
	"strings"
	"unicode/utf8"
)

// reflected writes values of the kinds Go has; named types count as what they are made of.
func (e *encoder) reflected(path string, value reflect.Value, depth int) error {
	switch value.Kind() {
	case reflect.Bool:
		return e.value(path, value.Bool(), depth)
	case reflect.String:
		return e.text(path, value.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return e.bigInt(big.NewInt(value.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return e.bigInt(new(big.Int).SetUint64(value.Uint()))
	case reflect.Float32:
		return e.float(value.Float(), 32)
	case reflect.Float64:
		return e.float(value.Float(), 64)
	case reflect.Complex64, reflect.Complex128:
		parts := value.Complex()
		return e.wrapped(path, "$complex", []any{real(parts), imag(parts)}, depth)
	case reflect.Pointer, reflect.Interface:
		return e.content(path, value.Elem(), depth+1) // a nil one is null, and does not come here
	case reflect.Slice, reflect.Array:
		return e.list(path, value, depth)
	case reflect.Map:
		return e.mapping(path, value, depth)
	case reflect.Struct:
		return e.structure(path, value, depth)
	default:
		return bad(path, "a %s is no value that can be kept", value.Type())
	}
}

func (e *encoder) list(path string, value reflect.Value, depth int) error {
	if value.Kind() == reflect.Slice && value.IsNil() {
		e.out.WriteString("null")
		return nil
	}
	if value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Uint8 {
		return e.bytes(path, value.Bytes())
	}
	e.out.WriteByte('[')
	for i := range value.Len() {
		if i > 0 {
			e.out.WriteByte(',')
		}
		if err := e.content(fmt.Sprintf("%s[%d]", path, i), value.Index(i), depth+1); err != nil {
			return err
		}
	}
	e.out.WriteByte(']')
	return nil
}

func (e *encoder) mapping(path string, value reflect.Value, depth int) error {
	if value.IsNil() {
		e.out.WriteString("null")
		return nil
	}
	if !isObject(value) {
		return e.keyed(path, value, depth)
	}
	members := make([]member, 0, value.Len())
	for _, key := range value.MapKeys() {
		members = append(members, member{key.String(), value.MapIndex(key)})
	}
	sort.Slice(members, func(i, j int) bool { return members[i].name < members[j].name })
	return e.object(path, members, depth)
}

// isObject tells whether all keys are plain text, and not the only one of the shape of an escape.
func isObject(value reflect.Value) bool {
	if value.Type().Key().Kind() != reflect.String {
		return false
	}
	for _, key := range value.MapKeys() {
		if !utf8.ValidString(key.String()) || value.Len() == 1 && strings.HasPrefix(key.String(), "$") {
			return false
		}
	}
	return true
}

// keyed writes a map as a dict whose items are in the order of the text of their keys.
func (e *encoder) keyed(path string, value reflect.Value, depth int) error {
	type item struct {
		text string
		pair Pair
	}
	items := make([]item, 0, value.Len())
	for _, key := range value.MapKeys() {
		text, err := e.apart(path, key.Interface(), depth+1)
		if err != nil {
			return err
		}
		items = append(items, item{text, Pair{key.Interface(), value.MapIndex(key).Interface()}})
	}
	sort.Slice(items, func(i, j int) bool { return items[i].text < items[j].text })
	dict := make(Dict, 0, len(items))
	for i, item := range items {
		if i > 0 && item.text == items[i-1].text {
			return bad(path, "two of its keys are %s in JSON; make one of them", item.text)
		}
		dict = append(dict, item.pair)
	}
	return e.dict(path, dict, depth)
}

// member is one of an object to be written.
type member struct {
	name  string
	value reflect.Value
}

func (e *encoder) structure(path string, value reflect.Value, depth int) error {
	members, err := fieldsOf(path, value)
	if err != nil {
		return err
	}
	if len(members) == 1 && strings.HasPrefix(members[0].name, "$") {
		return e.dict(path, Dict{{members[0].name, members[0].value.Interface()}}, depth)
	}
	return e.object(path, members, depth)
}

func (e *encoder) object(path string, members []member, depth int) error {
	e.out.WriteByte('{')
	for i, member := range members {
		if i > 0 {
			e.out.WriteByte(',')
		}
		if err := e.quoted(member.name); err != nil {
			return at(path, err)
		}
		e.out.WriteByte(':')
		if err := e.content(path+"."+member.name, member.value, depth+1); err != nil {
			return err
		}
	}
	e.out.WriteByte('}')
	return nil
}

// fieldsOf are the members of a struct by its json tags, those of embedded structs among them.
func fieldsOf(path string, value reflect.Value) ([]member, error) {
	var members []member
	for i := range value.NumField() {
		field, content := value.Type().Field(i), value.Field(i)
		tag := field.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" || !field.IsExported() && !field.Anonymous {
			continue
		}
		if field.Anonymous && name == "" {
			for content.Kind() == reflect.Pointer && !content.IsNil() {
				content = content.Elem()
			}
			if content.Kind() == reflect.Struct {
				inner, err := fieldsOf(path, content)
				if err != nil {
					return nil, err
				}
				members = append(members, inner...)
				continue
			}
			if !field.IsExported() || content.Kind() == reflect.Pointer {
				continue
			}
		}
		if name == "" {
			name = field.Name
		}
		options = "," + options + ","
		if strings.Contains(options, ",omitempty,") && isEmpty(content) || strings.Contains(options, ",omitzero,") && content.IsZero() {
			continue
		}
		if strings.Contains(options, ",string,") {
			return nil, bad(path+"."+name, "the option string of json tags is not supported; make the field a string")
		}
		members = append(members, member{name, content})
	}
	return members, checkNames(path, members)
}

func checkNames(path string, members []member) error {
	seen := make(map[string]bool, len(members))
	for _, member := range members {
		if seen[member.name] {
			return bad(path, "two fields are called %q; name one of them by a json tag", member.name)
		}
		seen[member.name] = true
	}
	return nil
}

// isEmpty is what encoding/json takes for empty.
func isEmpty(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return value.Len() == 0
	case reflect.Struct:
		return false
	default:
		return value.IsZero()
	}
}
