package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"example.com/argosy/clients/go/npy"
	"example.com/argosy/clients/go/tagjson"
)

type documentVector struct {
	Name           string   `json:"name"`
	Document       string   `json:"document"`
	DocumentBase64 string   `json:"document_base64"`
	Reader         string   `json:"reader"`
	Canonical      string   `json:"canonical"`
	Escapes        []string `json:"escapes"`
}

func (v documentVector) name() string { return v.Name }

func (v documentVector) run(context.Context) error {
	document := []byte(v.Document)
	if v.DocumentBase64 != "" {
		var err error
		if document, err = base64.StdEncoding.DecodeString(v.DocumentBase64); err != nil {
			return err
		}
	}
	// A part of another format is kept as what it is: this is about the document.
	reader := tagjson.Reader{Nested: func(where tagjson.Nested) (any, error) { return &where, nil }}
	writer := tagjson.Writer{Nested: func(part any) (tagjson.Nested, bool, error) {
		where, ok := part.(*tagjson.Nested)
		if !ok {
			return tagjson.Nested{}, false, nil
		}
		return *where, true, nil
	}}
	var value any
	err := reader.Unmarshal(document, &value)
	switch {
	case v.Reader == "refuse":
		if err == nil {
			return fmt.Errorf("it was read as %v", value)
		}
		return nil
	case err != nil && v.Reader == "may":
		if len(v.Escapes) > 0 && !strings.Contains(err.Error(), v.Escapes[0]) {
			return fmt.Errorf("the error does not name %s: %w", v.Escapes[0], err)
		}
		return nil
	case err != nil:
		return err
	}
	written, err := writer.Marshal(value)
	if err != nil {
		return err
	}
	return sameDocument(string(written), v.Canonical)
}

// sameDocument compares structures: members in any order, sets in any order, integers no floats.
func sameDocument(have, want string) error {
	left, err := structure(have)
	if err != nil {
		return err
	}
	right, err := structure(want)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(left, right) {
		return fmt.Errorf("it was written as %s, not as %s", have, want)
	}
	return nil
}

func structure(document string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return settled(value), nil
}

func settled(value any) any {
	switch value := value.(type) {
	case json.Number:
		if !strings.ContainsAny(string(value), ".eE") {
			return "integer " + string(value)
		}
		number, err := value.Float64()
		return fmt.Sprintf("float %b %v", number, err)
	case []any:
		for i := range value {
			value[i] = settled(value[i])
		}
	case map[string]any:
		for name := range value {
			value[name] = settled(value[name])
			if items, ok := value[name].([]any); ok && (name == "$set" || name == "$frozenset") && len(value) == 1 {
				sort.Slice(items, func(i, j int) bool { return fmt.Sprint(items[i]) < fmt.Sprint(items[j]) })
			}
		}
	}
	return value
}

type arrayVector struct {
	Name           string `json:"name"`
	Reader         string `json:"reader"`
	DType          string `json:"dtype"`
	Shape          []int  `json:"shape"`
	ElementsBase64 string `json:"elements_base64"`
	FileBase64     string `json:"file_base64"`
}

func (v arrayVector) name() string { return v.Name }

func (v arrayVector) run(context.Context) error {
	content, err := base64.StdEncoding.DecodeString(v.FileBase64)
	if err != nil {
		return err
	}
	array, err := npy.Read(bytes.NewReader(content))
	switch {
	case v.Reader == "refuse":
		if err == nil {
			return fmt.Errorf("it was read as %v", array)
		}
		return nil
	case err != nil && v.Reader == "may":
		if !strings.Contains(err.Error(), v.DType) {
			return fmt.Errorf("the error does not name %s: %w", v.DType, err)
		}
		return nil
	case err != nil:
		return err
	}
	if err := v.compare(array); err != nil {
		return err
	}
	var again bytes.Buffer
	if err := npy.Write(&again, array); err != nil {
		return err
	}
	if array, err = npy.Read(&again); err != nil {
		return fmt.Errorf("what was written: %w", err)
	}
	return v.compare(array)
}

func (v arrayVector) compare(array *npy.Array) error {
	want, err := base64.StdEncoding.DecodeString(v.ElementsBase64)
	if err != nil {
		return err
	}
	if !slices.Equal(array.Shape, v.Shape) {
		return fmt.Errorf("the shape is %v, not %v", array.Shape, v.Shape)
	}
	have, code, err := elements(array)
	if err != nil {
		return err
	}
	if code != v.DType || !bytes.Equal(have, want) {
		return fmt.Errorf("the elements of %s are %x, not %x of %s", code, have, want, v.DType)
	}
	return nil
}

// elements are those of an array in C order, each little-endian.
func elements(array *npy.Array) ([]byte, string, error) {
	data := reflect.ValueOf(array.Data)
	ordered := reflect.MakeSlice(data.Type(), 0, data.Len())
	index := make([]int, len(array.Shape))
	for range data.Len() {
		position, err := array.At(index...)
		if err != nil {
			return nil, "", err
		}
		ordered = reflect.Append(ordered, data.Index(position))
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < array.Shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	straight, err := npy.New([]int{data.Len()}, ordered.Interface())
	if err != nil {
		return nil, "", err
	}
	var file bytes.Buffer
	if err := npy.Write(&file, straight); err != nil {
		return nil, "", err
	}
	header, raw, ok := bytes.Cut(file.Bytes(), []byte("\n"))
	if !ok {
		return nil, "", errors.New("the header has no end")
	}
	_, code, _ := bytes.Cut(header, []byte("'descr': '"))
	code, _, _ = bytes.Cut(code, []byte("'"))
	return raw, strings.TrimLeft(string(code), "<|"), nil
}
