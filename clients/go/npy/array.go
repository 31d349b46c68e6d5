// Package npy reads and writes arrays in NumPy's own file format, versions 1.0 to 3.0: all numeric
// types and bool, in C and Fortran order and both byte orders.
//
//	array, err := npy.New([]int{2, 3}, []float64{1, 2, 3, 4, 5, 6})
//	err = npy.Write(file, array)
//
//	array, err = npy.Read(file)
//	rows, ok := array.Data.([]float64)
package npy

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"unsafe"
)

// Array is an n-dimensional array.
type Array struct {
	// Shape has the length of each axis; none for a single value.
	Shape []int
	// Data are the elements in the order they lie in the file, a []bool, []int8, []int16, []int32,
	// []int64, []uint8, []uint16, []uint32, []uint64, []Float16, []float32, []float64, []complex64
	// or []complex128.
	Data any
	// Fortran is true when the first index changes fastest, and not the last one.
	Fortran bool
	// BigEndian is the byte order of the file it came from, and of that it is written to.
	BigEndian bool
}

// Float16 is a number of half precision, as its bits.
type Float16 uint16

// Float32 is its value.
func (f Float16) Float32() float32 {
	sign, exponent, fraction := uint32(f>>15)<<31, uint32(f>>10)&0x1f, uint32(f)&0x3ff
	switch {
	case exponent == 0x1f: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent == 0: // zero and what is too small to be normal
		value := float32(fraction) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(value))
	default:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
}

// New returns an array in C order.
func New(shape []int, data any) (*Array, error) {
	array := &Array{Shape: slices.Clone(shape), Data: data}
	return array, array.check()
}

// Len is the number of elements.
func (a *Array) Len() int {
	length, ok := count(a.Shape)
	if !ok {
		return -1
	}
	return length
}

func (a *Array) check() error {
	kind, err := kindOf(a.Data)
	if err != nil {
		return err
	}
	length, ok := count(a.Shape)
	if !ok {
		return fmt.Errorf("npy: the shape %v is none an array can have", a.Shape)
	}
	if have := reflect.ValueOf(a.Data).Len(); have != length {
		return fmt.Errorf("npy: the shape %v has %d elements of %s, Data has %d", a.Shape, length, kind.code, have)
	}
	return nil
}

func count(shape []int) (int, bool) {
	product := 1
	for _, length := range shape {
		if length < 0 || length > 0 && product > math.MaxInt/16/length {
			return 0, false
		}
		product *= length
	}
	return product, true
}

// At is the position in Data of the element with these indices.
func (a *Array) At(indices ...int) (int, error) {
	if len(indices) != len(a.Shape) {
		return 0, fmt.Errorf("npy: %d indices for %d axes", len(indices), len(a.Shape))
	}
	position, step := 0, 1
	for i := range indices {
		axis := i
		if !a.Fortran {
			axis = len(indices) - 1 - i
		}
		if indices[axis] < 0 || indices[axis] >= a.Shape[axis] {
			return 0, fmt.Errorf("npy: index %d of axis %d is out of its %d", indices[axis], axis, a.Shape[axis])
		}
		position += indices[axis] * step
		step *= a.Shape[axis]
	}
	return position, nil
}

// kind is a type of elements.
type kind struct {
	code    string // NumPy's letter and size
	element reflect.Type
}

func kinds() []kind {
	return []kind{
		{"b1", reflect.TypeFor[bool]()},
		{"i1", reflect.TypeFor[int8]()},
		{"i2", reflect.TypeFor[int16]()},
		{"i4", reflect.TypeFor[int32]()},
		{"i8", reflect.TypeFor[int64]()},
		{"u1", reflect.TypeFor[uint8]()},
		{"u2", reflect.TypeFor[uint16]()},
		{"u4", reflect.TypeFor[uint32]()},
		{"u8", reflect.TypeFor[uint64]()},
		{"f2", reflect.TypeFor[Float16]()},
		{"f4", reflect.TypeFor[float32]()},
		{"f8", reflect.TypeFor[float64]()},
		{"c8", reflect.TypeFor[complex64]()},
		{"c16", reflect.TypeFor[complex128]()},
	}
}

func kindOf(data any) (kind, error) {
	for _, kind := range kinds() {
		if reflect.SliceOf(kind.element) == reflect.TypeOf(data) {
			return kind, nil
		}
	}
	return kind{}, fmt.Errorf("npy: Data is a %T; make it a slice of numbers of a fixed size, such as []int64 or []float64, or of bools", data)
}

func (k kind) size() int { return int(k.element.Size()) }

// slice is a new slice of so many elements.
func (k kind) slice(length int) any {
	return reflect.MakeSlice(reflect.SliceOf(k.element), length, length).Interface()
}

// bytesOf are the bytes the elements lie in.
func (k kind) bytesOf(data any) []byte {
	elements := reflect.ValueOf(data)
	return unsafe.Slice((*byte)(elements.UnsafePointer()), elements.Len()*k.size())
}
