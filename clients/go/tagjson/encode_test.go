package tagjson_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"example.com/argosy/clients/go/tagjson"
)

// byPointer says how it is written where there is a pointer to it, as math/big.Float does.
type byPointer struct{ hidden int }

func (p *byPointer) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%d", p.hidden), nil }

func TestWhatIsBehindAPointerIsWrittenAsWhatItIs(t *testing.T) {
	moment := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	address := netip.MustParseAddr("127.0.0.1")
	id := uuid.MustParse("5f0e7a54-9f0c-4c8b-9a77-0d8f3f1b8a11")
	behind := &id
	const idText = `{"$uuid":"5f0e7a54-9f0c-4c8b-9a77-0d8f3f1b8a11"}`
	for _, written := range []struct {
		value any
		want  string
	}{
		{&moment, `{"$datetime":"2026-03-01T12:30:00+00:00"}`},
		{&behind, idText},
		{struct{ Of any }{behind}, `{"Of":` + idText + `}`},
		{[]*netip.Addr{&address, nil}, `["127.0.0.1",null]`},
		{struct{ Of *uuid.UUID }{}, `{"Of":null}`},
		{struct{ Of any }{(*uuid.UUID)(nil)}, `{"Of":null}`},
		{(*time.Time)(nil), `null`},
		// Written by its pointer only: encoding/json takes that where it lies in memory that has one.
		{&struct{ Of byPointer }{byPointer{7}}, `{"Of":7}`},
		{[]byPointer{{8}}, `[8]`},
		{map[string]*byPointer{"a": {9}, "b": nil}, `{"a":9,"b":null}`},
	} {
		got, err := tagjson.Marshal(written.value)
		if err != nil || string(got) != written.want {
			t.Errorf("%#v is written as %s (%v), not %s", written.value, got, err, written.want)
		}
	}
}

func TestAMemberOfASetIsWrittenOnceAndTwoKeysThatAreOneAreRefused(t *testing.T) {
	got, err := tagjson.Marshal(tagjson.Set{1, 2, int64(1)})
	if err != nil || string(got) != `{"$set":[1,2]}` {
		t.Fatal(string(got), err)
	}
	if got, err := tagjson.Marshal(map[any]any{1: "a", int64(1): "b"}); err == nil {
		t.Fatal(string(got))
	}
}
