package argosy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

func TestEveryReasonOfTheProtosHasAName(t *testing.T) {
	named := map[argosyv1.ErrorReason]argosy.Reason{
		argosyv1.ErrorReason_ERROR_REASON_INVALID_FIELD:            argosy.ErrInvalidField,
		argosyv1.ErrorReason_ERROR_REASON_INVALID_STREAM:           argosy.ErrInvalidStream,
		argosyv1.ErrorReason_ERROR_REASON_DIGEST_MISMATCH:          argosy.ErrDigestMismatch,
		argosyv1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:        argosy.ErrRequestIDReused,
		argosyv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED:           argosy.ErrLimitExceeded,
		argosyv1.ErrorReason_ERROR_REASON_BLOB_CORRUPT:             argosy.ErrBlobCorrupt,
		argosyv1.ErrorReason_ERROR_REASON_WRITE_PAST_END:           argosy.ErrWritePastEnd,
		argosyv1.ErrorReason_ERROR_REASON_READ_PAST_END:            argosy.ErrReadPastEnd,
		argosyv1.ErrorReason_ERROR_REASON_VERSION_EXISTS:           argosy.ErrVersionExists,
		argosyv1.ErrorReason_ERROR_REASON_RUN_EXISTS:               argosy.ErrRunExists,
		argosyv1.ErrorReason_ERROR_REASON_ARTIFACT_NOT_FOUND:       argosy.ErrArtifactNotFound,
		argosyv1.ErrorReason_ERROR_REASON_BLOB_NOT_FOUND:           argosy.ErrBlobNotFound,
		argosyv1.ErrorReason_ERROR_REASON_UPLOAD_NOT_FOUND:         argosy.ErrUploadNotFound,
		argosyv1.ErrorReason_ERROR_REASON_RUN_NOT_FOUND:            argosy.ErrRunNotFound,
		argosyv1.ErrorReason_ERROR_REASON_BLOB_MISSING:             argosy.ErrBlobMissing,
		argosyv1.ErrorReason_ERROR_REASON_VERSION_IN_USE:           argosy.ErrVersionInUse,
		argosyv1.ErrorReason_ERROR_REASON_ILLEGAL_TRANSITION:       argosy.ErrIllegalTransition,
		argosyv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH:            argosy.ErrETagMismatch,
		argosyv1.ErrorReason_ERROR_REASON_SUPERSEDED:               argosy.ErrSuperseded,
		argosyv1.ErrorReason_ERROR_REASON_LEASE_EXPIRED:            argosy.ErrLeaseExpired,
		argosyv1.ErrorReason_ERROR_REASON_CURSOR_EXPIRED:           argosy.ErrCursorExpired,
		argosyv1.ErrorReason_ERROR_REASON_STORAGE_FULL:             argosy.ErrStorageFull,
		argosyv1.ErrorReason_ERROR_REASON_TOO_MUCH:                 argosy.ErrTooMuch,
		argosyv1.ErrorReason_ERROR_REASON_STORAGE_UNAVAILABLE:      argosy.ErrStorageUnavailable,
		argosyv1.ErrorReason_ERROR_REASON_DRAINING:                 argosy.ErrDraining,
		argosyv1.ErrorReason_ERROR_REASON_INTERNAL:                 argosy.ErrInternal,
		argosyv1.ErrorReason_ERROR_REASON_DIRECT_ACCESS_REFUSED:    argosy.ErrDirectAccessRefused,
		argosyv1.ErrorReason_ERROR_REASON_WATCH_STALLED:            argosy.ErrWatchStalled,
		argosyv1.ErrorReason_ERROR_REASON_SIGNED_TRANSFERS_REFUSED: argosy.ErrSignedTransfersRefused,
	}
	for number, name := range argosyv1.ErrorReason_name {
		reason := argosyv1.ErrorReason(number)
		if reason == argosyv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			continue
		}
		if want := strings.TrimPrefix(name, "ERROR_REASON_"); string(named[reason]) != want {
			t.Errorf("%s is %q; add it to errors.go and here", name, named[reason])
		}
		if err := fmt.Errorf("save: %w", &argosy.Error{Reason: named[reason]}); !errors.Is(err, named[reason]) {
			t.Errorf("errors.Is does not know %s", name)
		}
	}
}

func TestALabelThatIsTakenIsRefusedWithItsReason(t *testing.T) {
	client := connect(t)
	must(client.Save(t.Context(), "name", "a", argosy.Version("v1")))(t)
	_, err := client.Save(t.Context(), "name", "b", argosy.Version("v1"))
	var refused *argosy.Error
	if !errors.Is(err, argosy.ErrVersionExists) || !errors.As(err, &refused) || refused.Code != codes.AlreadyExists {
		t.Fatal(err)
	}
	var text string
	must(client.Load(t.Context(), "name", &text))(t)
	expect(t, text, "a")
	if _, err := client.Save(t.Context(), "bad/../name", "a"); !errors.Is(err, argosy.ErrInvalidField) {
		t.Fatal(err)
	}
}

func TestExplicitSettingsWinOverTheEnvironment(t *testing.T) {
	t.Setenv("ARGOSY_SERVER", "grpc://127.0.0.1:1")
	t.Setenv("ARGOSY_PROJECT", "environment")
	client := connect(t)
	expect(t, client.Project(), t.Name())
	t.Setenv("ARGOSY_SERVER", "grpc://"+address(t))
	fromEnvironment := must(argosy.Connect(t.Context()))(t)
	expect(t, fromEnvironment.Project(), "environment")
	expect(t, fromEnvironment.Close(), nil)
}

func TestMalformedSettingsAreNamed(t *testing.T) {
	for name, wrong := range map[string]string{
		"ARGOSY_SERVER": "http://a:1", "ARGOSY_PROJECT": "a b", "ARGOSY_UNARY_DEADLINE": "soon", "ARGOSY_IDLE_TIMEOUT": "-1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ARGOSY_SERVER", "grpc://127.0.0.1:1")
			t.Setenv(name, wrong)
			_, err := argosy.Connect(t.Context())
			var setting *argosy.SettingError
			if !errors.As(err, &setting) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), wrong) {
				t.Fatal(err)
			}
		})
	}
	t.Run("no server", func(t *testing.T) {
		t.Setenv("ARGOSY_SERVER", "")
		if _, err := argosy.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "WithServer") {
			t.Fatal(err)
		}
	})
	if _, err := argosy.Connect(t.Context(), argosy.WithServer("grpc://a.example:1"), argosy.WithToken("secret")); err == nil ||
		!strings.Contains(err.Error(), "readable") || strings.Contains(err.Error(), "secret") {
		t.Fatal(err)
	}
}

func TestAServerThatIsNotThereIsToldWithinTheTimeout(t *testing.T) {
	_, err := argosy.Connect(t.Context(), argosy.WithServer("grpc://"+freeAddress(t)), argosy.WithConnectTimeout(300*time.Millisecond))
	var refused *argosy.Error
	if !errors.As(err, &refused) || refused.Code != codes.Unavailable || !strings.Contains(err.Error(), "argosy-server serve") {
		t.Fatal(err)
	}
}

func TestAServerThatDiesIsLeftForAnotherOneOfTheList(t *testing.T) {
	first := startServer(t)
	second := &server{t: t, data: first.data, address: "127.0.0.1:0"}
	second.start()
	t.Cleanup(second.stop)
	client := connectTo(t, first.address+","+second.address)
	must(client.Save(t.Context(), "name", "value"))(t)
	first.kill()
	for range 4 {
		var text string
		must(client.Load(t.Context(), "name", &text))(t)
		expect(t, text, "value")
	}
}

func TestListsOfManyPagesAreWhole(t *testing.T) {
	client := connect(t)
	const many = 120 // pages have 50
	for i := range many {
		must(client.Save(t.Context(), fmt.Sprintf("name-%03d", i), i, argosy.Metadata{"odd": i%2 == 1}))(t)
	}
	found := 0
	for summary, err := range client.List(t.Context(), "NAME-") {
		if err != nil {
			t.Fatal(err)
		}
		expect(t, summary.GetName(), fmt.Sprintf("name-%03d", found))
		found++
	}
	expect(t, found, many)
	odd := client.Versions(t.Context(), "", argosy.Metadata{"odd": true})
	for range 2 { // a sequence can be gone through again
		count := 0
		for version, err := range odd {
			if err != nil {
				t.Fatal(err)
			}
			expect(t, version.GetMetadata()["odd"], "true")
			count++
		}
		expect(t, count, many/2)
	}
	for _, err := range client.List(t.Context(), "") {
		expect(t, err, nil)
		break // leaving early asks for no further page
	}
}

func TestAliasesMoveAndGo(t *testing.T) {
	client := connect(t)
	for _, text := range []string{"one", "two"} {
		must(client.Save(t.Context(), "model", text))(t)
	}
	expect(t, must(client.SetAlias(t.Context(), "model", "prod"))(t).GetVersion(), "2")
	must(client.SetAlias(t.Context(), "model", "prod", argosy.Version("1")))(t)
	var text string
	must(client.Load(t.Context(), "model", &text, argosy.Alias("prod")))(t)
	expect(t, text, "one")
	expect(t, client.DeleteAlias(t.Context(), "model", "prod"), nil)
	if _, err := client.Get(t.Context(), "model", argosy.Alias("prod")); !errors.Is(err, argosy.ErrArtifactNotFound) {
		t.Fatal(err)
	}
}

func TestAWatchOutlivesItsServerAndMissesAndRepeatsNothing(t *testing.T) {
	s := startServer(t)
	client := connectTo(t, s.address)
	watch := must(client.Watch(t.Context(), "model", argosy.Alias("prod")))(t)
	defer watch.Close()
	begun := watch.Cursor()
	var versions []string
	next := func() { versions = append(versions, must(watch.Next())(t).GetVersion()) }
	for round := range 3 {
		must(client.Save(t.Context(), "model", round, argosy.Alias("prod")))(t)
		must(client.Save(t.Context(), "other", round, argosy.Alias("prod")))(t)
		next()
		s.kill()
		s.start()
	}
	must(client.Save(t.Context(), "model", 3, argosy.Alias("prod")))(t)
	next()
	expect(t, versions, []string{"1", "2", "3", "4"})

	again := must(client.Watch(t.Context(), "model", argosy.Alias("prod"), begun))(t)
	var repeated []string
	for event, err := range again.All() {
		if err != nil {
			t.Fatal(err)
		}
		if repeated = append(repeated, event.GetVersion()); len(repeated) == 4 {
			again.Close() // ends the loop
		}
	}
	expect(t, repeated, versions)
}

func TestAWatchEndsWithItsContextAndWithACursorOfAnotherStore(t *testing.T) {
	client := connect(t)
	if _, err := client.Watch(t.Context(), "model", argosy.Cursor("of another store")); !errors.Is(err, argosy.ErrCursorExpired) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	watch, err := client.Watch(ctx, "model")
	if err == nil {
		_, err = watch.Next()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}
