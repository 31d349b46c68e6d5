package argosy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
	"example.com/argosy/clients/go/internal/testserver"
)

func TestEveryReasonOfTheProtosIsAConstant(t *testing.T) {
	source := string(must(os.ReadFile("errors.go"))(t))
	for number, name := range argosyv1.ErrorReason_name {
		reason := strings.TrimPrefix(name, "ERROR_REASON_")
		if number != int32(argosyv1.ErrorReason_ERROR_REASON_UNSPECIFIED) && !strings.Contains(source, `Reason = "`+reason+`"`) {
			t.Errorf("%s is no constant; add it to errors.go", reason)
		}
	}
	if err := fmt.Errorf("save: %w", &argosy.Error{Reason: "DRAINING"}); !errors.Is(err, argosy.ErrDraining) || errors.Is(err, argosy.ErrTooMuch) {
		t.Error("errors.Is does not tell reasons apart")
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

func TestTextThatIsNoUTF8IsRefusedAtOnceByTheNameOfItsField(t *testing.T) {
	client := connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, saved := client.Save(ctx, "a\xff", "text", argosy.Alias("prod"))
	_, loaded := client.Load(ctx, "a\xff", new(string))
	_, watched := client.Watch(ctx, "a\xff")
	for _, err := range []error{saved, loaded, watched} {
		if !errors.Is(err, argosy.ErrInvalidField) || !strings.Contains(err.Error(), "name") || !strings.Contains(err.Error(), "UTF-8") {
			t.Fatal(err)
		}
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
	t.Run("TLS", func(t *testing.T) {
		_, err := argosy.Connect(t.Context(), argosy.WithServer("grpc://127.0.0.1:1"), argosy.WithTLS(&tls.Config{}))
		var setting *argosy.SettingError
		if !errors.As(err, &setting) || !strings.Contains(err.Error(), "WithTLS") || !strings.Contains(err.Error(), "grpcs://") {
			t.Fatal(err)
		}
	})
	t.Run("no server", func(t *testing.T) {
		t.Setenv("ARGOSY_SERVER", "")
		if _, err := argosy.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "WithServer") {
			t.Fatal(err)
		}
	})
	t.Run("a token without TLS", func(t *testing.T) {
		server := argosy.WithServer("grpc://127.0.0.1:1")
		_, explicit := argosy.Connect(t.Context(), server, argosy.WithToken("secret"))
		t.Setenv("ARGOSY_TOKEN", "secret")
		_, fromEnvironment := argosy.Connect(t.Context(), server)
		for where, err := range map[string]error{"WithToken": explicit, "ARGOSY_TOKEN": fromEnvironment} {
			var setting *argosy.SettingError
			if !errors.As(err, &setting) || !strings.Contains(err.Error(), where) || strings.Contains(err.Error(), "secret") {
				t.Fatal(err)
			}
		}
	})
}

func TestAServerThatIsNotThereIsToldWithinTheTimeout(t *testing.T) {
	_, err := argosy.Connect(t.Context(), argosy.WithServer("grpc://"+freeAddress(t)), argosy.WithConnectTimeout(300*time.Millisecond))
	var refused *argosy.Error
	if !errors.As(err, &refused) || refused.Code != codes.Unavailable || !strings.Contains(err.Error(), "argosy-server serve") {
		t.Fatal(err)
	}
}

func TestAServerThatDiesIsLeftForAnotherOneOfTheList(t *testing.T) {
	first := testserver.Start(t)
	second := &testserver.Server{Data: first.Data, Address: "127.0.0.1:0"}
	second.Serve(t)
	t.Cleanup(second.Stop)
	client := connectTo(t, first.Address+","+second.Address)
	must(client.Save(t.Context(), "name", "value"))(t)
	first.Kill(t)
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
	s := testserver.Start(t)
	client := connectTo(t, s.Address)
	watch := must(client.Watch(t.Context(), "model", argosy.Alias("prod")))(t)
	defer watch.Close()
	begun := watch.Cursor()
	var versions []string
	next := func() { versions = append(versions, must(watch.Next())(t).GetVersion()) }
	for round := range 3 {
		must(client.Save(t.Context(), "model", round, argosy.Alias("prod")))(t)
		must(client.Save(t.Context(), "other", round, argosy.Alias("prod")))(t)
		next()
		s.Kill(t)
		s.Serve(t)
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

func TestAClosedClientEndsItsWatchesAndTakesNoCalls(t *testing.T) {
	client := connect(t)
	// More than may be on its way: the rest of it cannot have arrived before the client is closed.
	must(client.Save(t.Context(), "large", noise(62, 24*mebibyte)))(t)
	watch := must(client.Watch(t.Context(), "large"))(t)
	reader := must(client.Open(t.Context(), "large", ""))(t)
	must(io.ReadFull(reader, make([]byte, 1)))(t)
	told := make(chan error, 1)
	go func() {
		_, err := watch.Next()
		told <- err
	}()
	expect(t, errors.Join(client.Close(), client.Close()), nil)
	_, readErr := io.Copy(io.Discard, reader)
	_, saveErr := client.Save(t.Context(), "late", noise(63, 4*mebibyte))
	_, loadErr := client.Load(t.Context(), "large", new([]byte))
	for _, err := range []error{<-told, readErr, saveErr, loadErr} {
		if !errors.Is(err, argosy.ErrClosed) {
			t.Fatal(err)
		}
	}
}

func TestWhatIsClosedOrCancelledLeavesNoGoroutine(t *testing.T) {
	client := connect(t)
	must(client.Save(t.Context(), "large", noise(60, 4*mebibyte)))(t)
	before := runtime.NumGoroutine()
	reader := must(client.Open(t.Context(), "large", ""))(t)
	must(io.ReadFull(reader, make([]byte, mebibyte)))(t)
	expect(t, reader.Close(), nil)
	must(client.Watch(t.Context(), "large"))(t).Close()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := client.Save(ctx, "never", noise(61, 4*mebibyte), once(mebibyte, cancel)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	var loading sync.WaitGroup
	for range 20 {
		loading.Go(func() { _, _ = client.Load(t.Context(), "nothing", new(string)) }) // it is not there
	}
	loading.Wait()
	for patience := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(patience) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestASelectionThatSaysNothingIsNotTheLatest(t *testing.T) {
	client := connect(t)
	must(client.Save(t.Context(), "model", 1, argosy.Alias("prod")))(t)
	var value any
	for _, selected := range [][]argosy.Selection{
		{argosy.Alias("")}, {argosy.Version("")}, {argosy.FromPipeline("")}, {argosy.Version("1"), argosy.Version("2")},
	} {
		_, loadErr := client.Load(t.Context(), "model", &value, selected...)
		_, getErr := client.Get(t.Context(), "model", selected...)
		_, moveErr := client.SetAlias(t.Context(), "model", "dev", selected...)
		for _, err := range []error{loadErr, getErr, moveErr} {
			if !errors.Is(err, argosy.ErrInvalidField) {
				t.Fatalf("%q: %v", selected, err)
			}
		}
	}
	if _, err := client.Watch(t.Context(), "model", argosy.Alias("")); !errors.Is(err, argosy.ErrInvalidField) {
		t.Fatal(err)
	}
	for _, err := range client.Versions(t.Context(), "model", argosy.Tag("")) {
		if !errors.Is(err, argosy.ErrInvalidField) {
			t.Fatal(err)
		}
	}
}
