package parquet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/internal/testserver"
	"example.com/argosy/clients/go/parquet"
)

// connect starts a server and returns a client of it and a function that runs Python against it.
func connect(t *testing.T) (*argosy.Client, func(code string) string) {
	t.Helper()
	server := testserver.Start(t)
	client, err := argosy.Connect(t.Context(), argosy.WithServer("grpc://"+server.Address), argosy.WithConnectTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, func(code string) string {
		t.Helper()
		return server.Python(t, client.Project(), code)
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

func TestWhatPandasSavedAndGoSavesAgainIsATableThatEverybodyReads(t *testing.T) {
	client, python := connect(t)
	python(`
import argosy, pandas as pd, numpy as np
index = pd.DatetimeIndex(["2026-01-01", "2026-01-02", "2026-01-05"], tz="Europe/Berlin", name="day")
frame = pd.DataFrame({"i": np.array([1, 2, 3], "i2"), "f": [0.5, np.nan, 1], "s": ["a", None, "c"], "b": [True, False, True],
    "c": pd.Categorical(["x", "y", "x"], ["y", "x"], ordered=True), "n": pd.array([1, None, 3], "Int64"),
    "p": pd.period_range("2026-01", periods=3, freq="M"), "d": pd.to_timedelta([1, 2, 3], "s")}, index=index)
argosy.save_artifact(frame, "frame")
argosy.save_artifact(pd.Series([1.5, 2.5], name="s"), "series")
argosy.save_artifact(pd.DataFrame({("a", 1): [1], ("a", 2): [2]}), "labels")
argosy.save_artifact(pd.DataFrame(), "empty")`)
	for name, want := range map[string]string{
		"frame": "['i', 'f', 's', 'b', 'c', 'n', 'p', 'd', '__index_level_0__'] [1, 2, 3] ['x', 'y', 'x'] " +
			"2025-12-31 23:00:00+00:00",
		"series": "['s'] [1.5, 2.5]", "labels": "[\"('a', 1)\", \"('a', 2)\"] [1]", "empty": "[]",
	} {
		var table parquet.Table
		if _, err := client.Load(t.Context(), name, &table); err != nil {
			t.Fatal(name, err)
		}
		version, err := client.Save(t.Context(), name+" again", &table)
		if err != nil {
			t.Fatal(name, err)
		}
		if files := version.GetFiles(); len(files) != 1 || files[0].GetPath() != "data.parquet" {
			t.Fatal(name, files)
		}
		seen := python(fmt.Sprintf(`
import argosy; frame = argosy.load_artifact("%s again"); columns = list(frame.columns)
print(columns, *(frame[columns[0]].tolist() for _ in columns[:1]), *(list(frame["c"]) for _ in columns[7:8]),
      *(frame["__index_level_0__"].dt.tz_convert("UTC")[0] for _ in columns[8:9]))`, name))
		if seen != want {
			t.Fatalf("%s: got %s, want %s", name, seen, want)
		}
		// What it says of itself is nothing of pandas.
		var again parquet.Table
		if _, err := client.Load(t.Context(), name+" again", &again); err != nil {
			t.Fatal(name, err)
		}
		for _, key := range []string{"argosy", "pandas"} {
			if again.Schema().Metadata().FindKey(key) >= 0 {
				t.Fatalf("%s has the key %q", name, key)
			}
		}
		table.Release()
		again.Release()
	}
}

func TestATableInsideADocumentIsReadAndSaved(t *testing.T) {
	client, python := connect(t)
	python(`
import argosy, pandas as pd, pathlib
pathlib.Path("model.onnx").write_bytes(b"onnx")
argosy.save_artifact({"a": 1, "df": pd.DataFrame({"x": [1, 2]}), "model": pathlib.Path("model.onnx")}, "mixed")`)
	var value any
	if _, err := client.Load(t.Context(), "mixed", &value); err != nil {
		t.Fatal(err)
	}
	document := value.(map[string]any)
	var table parquet.Table
	if err := table.DecodeArtifact(t.Context(), document["df"].(*argosy.Artifact)); err != nil {
		t.Fatal(err)
	}
	if document["a"] != int64(1) || table.NumRows() != 2 {
		t.Fatal(document["a"], table)
	}
	model, err := document["model"].(*argosy.Artifact).ReadFile(t.Context(), "model.onnx")
	if err != nil || string(model) != "onnx" {
		t.Fatal(string(model), err)
	}
	if _, err := client.Save(t.Context(), "never", document); err == nil || !strings.Contains(err.Error(), "parquet") {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(file, model, 0o600); err != nil {
		t.Fatal(err)
	}
	document["df"], document["model"] = &table, argosy.Path(file)
	if _, err := client.Save(t.Context(), "again", document); err != nil {
		t.Fatal(err)
	}
	seen := python(`
import argosy; value = argosy.load_artifact("again"); print(value["a"], value["df"]["x"].tolist(), value["model"].read_bytes())`)
	if want := "1 [1, 2] b'onnx'"; seen != want {
		t.Fatalf("got %s, want %s", seen, want)
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
