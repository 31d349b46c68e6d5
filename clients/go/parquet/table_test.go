package parquet_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/parquet"
)

// connect starts a server and returns a client of it and a function that runs Python against it.
func connect(t *testing.T) (*argosy.Client, func(code string) string) {
	t.Helper()
	program := os.Getenv("ARGOSY_TEST_SERVER")
	if program == "" {
		var err error
		if program, err = filepath.Abs("../../../.venv/bin/argosy-server"); err != nil {
			t.Fatal(err)
		}
	}
	process := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "warning")
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := process.StdoutPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGTERM) // one that is gone needs none
		_ = process.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the server says %q, %v", line, err)
	}
	client, err := argosy.Connect(t.Context(), argosy.WithServer(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, func(code string) string {
		t.Helper()
		python := exec.Command(filepath.Join(filepath.Dir(program), "python"), "-c", code)
		python.Dir, python.Stderr = t.TempDir(), os.Stderr
		python.Env = append(os.Environ(), "ARGOSY_SERVER="+address, "ARGOSY_HOME="+t.TempDir())
		printed, err := python.Output()
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		return strings.TrimSpace(string(printed))
	}
}

func prices() arrow.Table {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String}, {Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"pear", "déjà vu"}, nil)
	builder.Field(1).(*array.Float64Builder).AppendValues([]float64{1.5, 0}, []bool{true, false})
	return array.NewTableFromRecords(schema, []arrow.RecordBatch{builder.NewRecordBatch()})
}

// What README.md shows of tables is the code of this function.
func readme(ctx context.Context, client *argosy.Client, table arrow.Table) error {
	if _, err := client.Save(ctx, "prices", parquet.New(table)); err != nil {
		return err
	}

	var prices parquet.Table
	if _, err := client.Load(ctx, "prices", &prices); err != nil {
		return err
	}
	defer prices.Release()
	fmt.Println(prices.NumRows(), prices.Schema().Field(0).Name) // an arrow.Table, a DataFrame in Python
	return nil
}

func TestATableIsADataFrameInPython(t *testing.T) {
	client, python := connect(t)
	if err := readme(t.Context(), client, prices()); err != nil {
		t.Fatal(err)
	}
	seen := python(`import argosy; frame = argosy.load_artifact("prices"); print(list(frame.columns), frame["name"].tolist(), frame["price"].isna().tolist(), frame["price"][0])`)
	if want := "['name', 'price'] ['pear', 'déjà vu'] [False, True] 1.5"; seen != want {
		t.Fatalf("got %s, want %s", seen, want)
	}
}

func TestADataFrameThatGoesThroughGoStaysWhatItWas(t *testing.T) {
	client, python := connect(t)
	const frame = `
import argosy, pandas as pd, numpy as np
index = pd.DatetimeIndex(["2026-01-01", "2026-01-02", "2026-01-05"], tz="Europe/Berlin", name="day")
frame = pd.DataFrame({"i": np.array([1, 2, 3], "i2"), "f": [0.5, np.nan, 1], "s": ["a", None, "c"], "b": [True, False, True],
    "c": pd.Categorical(["x", "y", "x"], ["y", "x"], ordered=True), "n": pd.array([1, None, 3], "Int64"),
    "t": pd.to_datetime(["2026-01-01T00:00:00.000000001"] * 3)}, index=index)
lasting = pd.DataFrame({"d": pd.to_timedelta([1, 2, 3], "h"), "c": pd.Categorical(["x", "y", "x"])}, index=index)
`
	python(frame + `argosy.save_artifact(frame, "frame"); argosy.save_artifact(lasting, "lasting")`)
	var table parquet.Table
	version, err := client.Load(t.Context(), "frame", &table)
	if err != nil || table.NumRows() != 3 || version.GetFormat() != "parquet" {
		t.Fatal(err)
	}
	if _, err := client.Save(t.Context(), "again", &table); err != nil {
		t.Fatal(err)
	}
	python(frame + `pd.testing.assert_frame_equal(argosy.load_artifact("again"), frame)`)
	var lasting parquet.Table
	if _, err := client.Load(t.Context(), "lasting", &lasting); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Save(t.Context(), "lasting again", &lasting); err != nil {
		t.Fatal(err)
	}
	python(frame + `pd.testing.assert_frame_equal(argosy.load_artifact("lasting again"), lasting)`)

	// Of another table the facts about that one are not told.
	rows := array.NewTableReader(table.Table, 2)
	defer rows.Release()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	table.Table = array.NewTableFromRecords(table.Schema(), []arrow.RecordBatch{rows.RecordBatch()})
	if _, err := client.Save(t.Context(), "slice", &table); err != nil {
		t.Fatal(err)
	}
	if seen := python(`import argosy; print(len(argosy.load_artifact("slice")))`); seen != "2" {
		t.Fatal(seen)
	}
}

func TestAnotherFormatIsNoTable(t *testing.T) {
	client, _ := connect(t)
	if _, err := client.Save(t.Context(), "text", "abc"); err != nil {
		t.Fatal(err)
	}
	var table parquet.Table
	if _, err := client.Load(t.Context(), "text", &table); err == nil || !strings.Contains(err.Error(), `format "text"`) {
		t.Fatal(err)
	}
}
