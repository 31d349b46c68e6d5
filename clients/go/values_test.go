package argosy_test

import (
	"errors"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/npy"
	"example.com/argosy/clients/go/tagjson"
)

type settings struct {
	Rate    float64        `json:"rate"`
	Layers  []int          `json:"layers"`
	Name    string         `json:"name,omitempty"`
	Big     *big.Int       `json:"big"`
	Since   time.Time      `json:"since"`
	Limit   time.Duration  `json:"limit"`
	Raw     []byte         `json:"raw"`
	ByIndex map[int]string `json:"by_index"`
}

func TestAStructComesBackAsItWas(t *testing.T) {
	client := connect(t)
	saved := settings{
		Rate: 1, Layers: []int{8, 4}, Big: new(big.Int).Lsh(big.NewInt(1), 90), Raw: []byte{0, 255},
		Since: time.Date(2026, 3, 1, 12, 30, 0, 5000, time.UTC), Limit: 90 * time.Second, ByIndex: map[int]string{1: "a", 2: "b"},
	}
	version := must(client.Save(t.Context(), "settings", saved, argosy.Alias("prod"), argosy.Version("first"),
		argosy.Tags{"gold"}, argosy.Metadata{"rows": 3}, argosy.Description("what it is")))(t)
	expect(t, version.GetFormat(), "json")
	expect(t, version.GetAliases(), []string{"prod"})
	var loaded settings
	must(client.Load(t.Context(), "settings", &loaded, argosy.Alias("prod")))(t)
	if !reflect.DeepEqual(loaded, saved) {
		t.Fatalf("%+v came back as %+v", saved, loaded)
	}
	seen := python(t, client, address(t), `import argosy; v = argosy.load_artifact("settings", version="first"); print(
		repr(v["rate"]), v["layers"], v["big"] == 2**90, v["raw"], v["since"].isoformat(), v["limit"], v["by_index"])`)
	expect(t, seen, `1.0 [8, 4] True b'\x00\xff' 2026-03-01T12:30:00.000005+00:00 0:01:30 {1: 'a', 2: 'b'}`)
}

func TestWhatPythonSavesIsReadByItsFormat(t *testing.T) {
	client := connect(t)
	python(t, client, address(t), `
import argosy, numpy as np, datetime, pathlib
argosy.save_artifact({"nan": float("nan"), "t": (1, 2.0), "s": {3}, "b": b"xy", "i": 2**70, "d": datetime.date(2026, 1, 2)}, "tagged")
argosy.save_artifact("déjà vu", "text")
argosy.save_artifact(b"\0raw", "raw")
argosy.save_artifact(np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)), "array")
argosy.save_artifact([np.arange(3), b"z" * 5000], "mixed")
pathlib.Path("tree/a/empty").mkdir(parents=True); pathlib.Path("tree/a/f.txt").write_text("in")
argosy.save_artifact(pathlib.Path("tree"), "tree")
pathlib.Path("model.onnx").write_bytes(b"onnx"); argosy.save_artifact(pathlib.Path("model.onnx"), "model")
`)
	values := map[string]any{}
	for _, name := range []string{"tagged", "text", "raw", "array", "mixed"} {
		var value any
		must(client.Load(t.Context(), name, &value))(t)
		values[name] = value
	}
	tagged := values["tagged"].(map[string]any)
	if !math.IsNaN(tagged["nan"].(float64)) {
		t.Fatal(tagged)
	}
	delete(tagged, "nan")
	expect(t, tagged, map[string]any{
		"t": tagjson.Tuple{int64(1), 2.0}, "s": tagjson.Set{int64(3)}, "b": []byte("xy"),
		"i": new(big.Int).Lsh(big.NewInt(1), 70), "d": tagjson.Escape{Name: "$date", Payload: "2026-01-02"},
	})
	expect(t, values["text"], "déjà vu")
	expect(t, values["raw"], []byte("\x00raw"))
	array := values["array"].(*npy.Array)
	expect(t, array.Data, []float32{0, 3, 1, 4, 2, 5})
	expect(t, []bool{array.Fortran, array.BigEndian}, []bool{true, true})
	mixed := values["mixed"].([]any)
	expect(t, mixed[0].(*npy.Array).Data, []int64{0, 1, 2})
	expect(t, len(mixed[1].([]byte)), 5000)

	tree := filepath.Join(t.TempDir(), "out")
	must(client.Download(t.Context(), "tree", tree))(t)
	expect(t, strings.Join(filesBelow(t, tree), " "), "a/ a/empty/ a/f.txt")
	model := filepath.Join(t.TempDir(), "model.onnx")
	must(client.DownloadFile(t.Context(), "model", model))(t)
	expect(t, string(must(os.ReadFile(model))(t)), "onnx")
}

func TestWhatGoSavesPythonReads(t *testing.T) {
	client := connect(t)
	array := must(npy.New([]int{2, 2}, []float64{1, 2, 3, 4}))(t)
	must(client.Save(t.Context(), "array", array))(t)
	must(client.Save(t.Context(), "text", "déjà vu"))(t)
	must(client.Save(t.Context(), "mixed", map[string]any{"weights": array, "long": noise(1, 5000)}))(t)
	must(client.Save(t.Context(), "tree", argosy.Path(tree(t))))(t)
	seen := python(t, client, address(t), `
import argosy
print(argosy.load_artifact("array").tolist(), argosy.load_artifact("text"))
mixed = argosy.load_artifact("mixed"); print(mixed["weights"].tolist(), len(mixed["long"]), type(mixed["long"]).__name__)
tree = argosy.load_artifact("tree"); print(tree.name, sorted(str(p.relative_to(tree)) for p in tree.rglob("*")))`)
	expect(t, seen, "[[1.0, 2.0], [3.0, 4.0]] déjà vu\n[[1.0, 2.0], [3.0, 4.0]] 5000 bytes\ntree ['a', 'a/empty', 'a/f.txt', 'many', "+
		"'many/0', 'many/1', 'many/2']")
}

func TestADirectoryOfSmallAndLargeFilesComesBack(t *testing.T) {
	client := connect(t)
	source := tree(t)
	if err := os.WriteFile(filepath.Join(source, "large"), noise(20, 3*mebibyte), 0o600); err != nil {
		t.Fatal(err)
	}
	must(client.Save(t.Context(), "tree", argosy.Path(source)))(t)
	target := filepath.Join(t.TempDir(), "deep", "out")
	must(client.Download(t.Context(), "tree", target))(t)
	want, have := filesBelow(t, source), filesBelow(t, target)
	if !slices.Equal(want, have) {
		t.Fatalf("%v came back as %v", want, have)
	}
	for _, name := range want {
		if !strings.HasSuffix(name, "/") {
			left, right := must(os.ReadFile(filepath.Join(source, name)))(t), must(os.ReadFile(filepath.Join(target, name)))(t)
			if string(left) != string(right) {
				t.Fatalf("%s came back changed", name)
			}
		}
	}
	if _, err := client.Download(t.Context(), "tree", target); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Fatal(err)
	}
}

func TestATreeWithALinkIsRefused(t *testing.T) {
	client := connect(t)
	source := tree(t)
	if err := os.Symlink("/etc/hostname", filepath.Join(source, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Save(t.Context(), "tree", argosy.Path(source)); err == nil || !strings.Contains(err.Error(), "link") {
		t.Fatal(err)
	}
}

func TestFormatsThatCannotBePutThereAreRefusedWithTheCure(t *testing.T) {
	client := connect(t)
	python(t, client, address(t), `
import os; os.environ["ARGOSY_ALLOW_PICKLE"] = "1"
import argosy, pandas as pd
class Own: pass
argosy.save_artifact(Own(), "pickle")
argosy.save_artifact(pd.DataFrame({"a": [1]}), "frame")`)
	must(client.Save(t.Context(), "text", "abc"))(t)
	var number int
	for name, cure := range map[string]string{"pickle": "publish a neutral format", "frame": "parquet.Table", "text": "*string"} {
		_, err := client.Load(t.Context(), name, &number)
		var format *argosy.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), cure) || !strings.Contains(err.Error(), name) {
			t.Fatal(name, err)
		}
	}
	var array npy.Array
	if _, err := client.Load(t.Context(), "text", &array); !errors.As(err, new(*argosy.FormatError)) {
		t.Fatal(err)
	}
}

func TestWhatJSONCannotKeepExactlyIsRefused(t *testing.T) {
	client := connect(t)
	loop := map[string]any{}
	loop["self"] = loop
	for what, value := range map[string]any{
		"nanoseconds": time.Unix(0, 1), "not UTF-8": []string{"\xff"}, "func()": map[string]any{"a": func() {}}, "deep": loop,
	} {
		if _, err := client.Save(t.Context(), "never", argosy.JSON{Value: value}); err == nil || !strings.Contains(err.Error(), what) {
			t.Fatal(what, err)
		}
	}
}

// tree is a directory called tree with files and an empty directory in it.
func tree(t testing.TB) string {
	t.Helper()
	top := filepath.Join(t.TempDir(), "tree")
	for path, content := range map[string]string{"a/f.txt": "in", "many/0": "0", "many/1": "1", "many/2": ""} {
		if err := os.MkdirAll(filepath.Join(top, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(top, "a/empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	return top
}

func filesBelow(t testing.TB, top string) []string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(top, func(path string, entry os.DirEntry, err error) error {
		relative, relErr := filepath.Rel(top, path)
		if entry.IsDir() {
			relative += "/"
		}
		if relative != "./" {
			found[relative] = true
		}
		return errors.Join(err, relErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}
