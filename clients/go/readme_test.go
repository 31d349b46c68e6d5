package argosy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/npy"
)

// What README.md shows is the code of this function, block by block.
func readme(ctx context.Context, runID string) error {
	client, err := argosy.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()

	type Settings struct {
		Rate   float64 `json:"rate"`
		Layers []int   `json:"layers"`
	}

	version, err := client.Save(ctx, "settings", Settings{Rate: 0.1, Layers: []int{8, 4}}, argosy.Alias("prod"))
	if err != nil {
		return err
	}
	fmt.Println(version.GetName(), version.GetVersion(), version.GetFormat())

	var settings Settings
	if _, err := client.Load(ctx, "settings", &settings, argosy.Alias("prod")); err != nil {
		return err
	}
	fmt.Println(settings)

	weights, err := npy.New([]int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		return err
	}
	if _, err := client.Save(ctx, "weights", weights); err != nil {
		return err
	}

	var loaded npy.Array
	if _, err := client.Load(ctx, "weights", &loaded); err != nil {
		return err
	}
	fmt.Println(loaded.Shape, loaded.Data.([]float32)) // numpy.ndarray in Python

	file, err := os.Open("large.bin")
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := client.Save(ctx, "large", file); err != nil {
		return err
	}

	reader, err := client.Open(ctx, "large", "")
	if err != nil {
		return err
	}
	defer reader.Close()
	received, err := io.Copy(io.Discard, reader)
	if err != nil {
		return err // argosy.ErrCorrupt in the place of io.EOF for bytes that are not the ones that were saved
	}
	fmt.Println(received, "bytes")

	if _, err := client.DownloadFile(ctx, "large", "copy.bin"); err != nil {
		return err
	}

	if _, err := client.SetAlias(ctx, "settings", "stable", argosy.Version("1")); err != nil {
		return err
	}
	for artifact, err := range client.List(ctx, "sett") {
		if err != nil {
			return err
		}
		fmt.Println(artifact.GetName(), artifact.GetLatest().GetVersion())
	}

	watch, err := client.Watch(ctx, "settings", argosy.Alias("prod"))
	if err != nil {
		return err
	}
	defer watch.Close()
	if _, err := client.Save(ctx, "settings", Settings{Rate: 0.2}, argosy.Alias("prod")); err != nil {
		return err
	}
	for event, err := range watch.All() {
		if err != nil {
			return err
		}
		if _, err := client.Load(ctx, "settings", &settings, argosy.Version(event.GetVersion())); err != nil {
			return err
		}
		fmt.Println("now", settings.Rate)
		break
	}

	_, err = client.Load(ctx, "settings", &settings, argosy.Alias("staging"))
	if errors.Is(err, argosy.ErrArtifactNotFound) {
		fmt.Println("there is no settings@staging")
	}
	var refused *argosy.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Reason)
	}

	train := func(settings Settings) ([]float64, error) { return []float64{settings.Rate}, nil }
	step, err := client.StartStep(ctx, argosy.StepStart{
		Run: runID, Name: "trainer", Inputs: []argosy.StepInput{{Name: "settings", Version: version}},
	})
	if err != nil {
		return err
	}
	model, err := train(settings)
	if err == nil {
		err = step.Complete(ctx, argosy.StepOutput{Artifact: "model", Value: model})
	}
	if err != nil {
		return errors.Join(err, step.Fail(ctx, err)) // also when ctx has ended
	}
	fmt.Println(step.Record.GetState())
	return nil
}

const readmePrints = `settings 1 json
{0.1 [8 4]}
[2 2] [1 2 3 4]
3145729 bytes
settings 1
now 0.2
there is no settings@staging
NotFound ARTIFACT_NOT_FOUND
STEP_STATE_COMPLETED
`

func TestWhatTheReadmeShowsRuns(t *testing.T) {
	source := must(os.ReadFile("readme_test.go"))(t)
	checkBlocks(t, "README.md", string(source)+string(must(os.ReadFile("parquet/table_test.go"))(t)))
	client := connect(t)
	run := startRun(t, client)
	t.Setenv("ARGOSY_SERVER", "grpc://"+address(t))
	t.Setenv("ARGOSY_PROJECT", client.Project())
	t.Chdir(t.TempDir())
	expect(t, os.WriteFile("large.bin", noise(40, 3*mebibyte+1), 0o600), nil)
	printed := captured(t, func() { expect(t, readme(t.Context(), run.GetRun().GetId()), nil) })
	expect(t, printed, readmePrints)
	if string(must(os.ReadFile("copy.bin"))(t)) != string(noise(40, 3*mebibyte+1)) {
		t.Fatal("copy.bin is another file")
	}
}

func TestAModuleBesideACheckoutTakesTheClientAsTheReadmeTells(t *testing.T) {
	install := regexp.MustCompile("(?s)## Install\n.*?```sh\n(.*?)```").FindSubmatch(must(os.ReadFile("README.md"))(t))
	if install == nil {
		t.Fatal("README.md tells no installation")
	}
	top := t.TempDir()
	expect(t, os.Symlink(must(filepath.Abs("../.."))(t), filepath.Join(top, "argosy")), nil)
	own := filepath.Join(top, "own")
	expect(t, os.Mkdir(own, 0o700), nil)
	expect(t, os.WriteFile(filepath.Join(own, "main.go"), []byte(`package main

import (
	"context"
	"log"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/parquet"
)

func main() {
	client, err := argosy.Connect(context.Background())
	if err == nil {
		_, err = client.Load(context.Background(), "prices", &parquet.Table{})
	}
	log.Fatal(err)
}
`), 0o600), nil)
	shell := exec.Command("bash", "-euc", "go mod init example.com/own; "+string(install[1])+"\ngo vet .")
	shell.Dir = own
	if output, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

// checkBlocks finds each Go block of a page in the source of the tests, which run it.
func checkBlocks(t *testing.T, page, source string) {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(must(os.ReadFile(page))(t)), -1)
	if len(blocks) < 5 {
		t.Fatalf("%s has %d blocks", page, len(blocks))
	}
	for _, block := range blocks {
		inFunction := "\n" + strings.TrimSuffix(strings.ReplaceAll("\n"+block[1], "\n", "\n\t"), "\t")
		inFunction = strings.ReplaceAll(inFunction, "\n\t\n", "\n\n")
		if !strings.Contains(source, strings.TrimLeft(inFunction, "\n")) {
			t.Errorf("%s shows what no test runs:\n%s", page, block[1])
		}
	}
}

// captured returns what a function prints.
func captured(t *testing.T, run func()) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdout")
	file := must(os.Create(path))(t)
	usual := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = usual }()
	run()
	expect(t, file.Close(), nil)
	return string(must(os.ReadFile(path))(t))
}
