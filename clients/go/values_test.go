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
	"syscall"
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
	seen := python(t, client, `import argosy; v = argosy.load_artifact("settings", version="first"); print(
		repr(v["rate"]), v["layers"], v["big"] == 2**90, v["raw"], v["since"].isoformat(), v["limit"], v["by_index"])`)
	expect(t, seen, `1.0 [8, 4] True b'\x00\xff' 2026-03-01T12:30:00.000005+00:00 0:01:30 {1: 'a', 2: 'b'}`)
}

func TestWhatPythonSavesIsReadByItsFormat(t *testing.T) {
	client := connect(t)
	python(t, client, `
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
	seen := python(t, client, `
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

func TestALinkToAnEmptyDirectoryStaysAndIsFilledWhereItLeads(t *testing.T) {
	client := connect(t)
	must(client.Save(t.Context(), "tree", argosy.Path(tree(t))))(t)
	top := t.TempDir()
	real, link := filepath.Join(top, "disk", "real"), filepath.Join(top, "link")
	expect(t, os.MkdirAll(real, 0o700), nil)
	expect(t, os.Symlink(real, link), nil)
	must(client.Download(t.Context(), "tree", link))(t)
	expect(t, must(os.Readlink(link))(t), real)
	expect(t, string(must(os.ReadFile(filepath.Join(real, "a/f.txt")))(t)), "in")

	broken := filepath.Join(top, "broken")
	expect(t, os.Symlink(filepath.Join(top, "nothing"), broken), nil)
	if _, err := client.Download(t.Context(), "tree", broken); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	must(os.Readlink(broken))(t)
	t.Chdir(t.TempDir())
	must(client.Download(t.Context(), "tree", "."))(t)
	expect(t, string(must(os.ReadFile("a/f.txt"))(t)), "in")
}

func TestWhatIsDownloadedIsAsOpenToOthersAsTheUserWants(t *testing.T) {
	client := connect(t)
	must(client.Save(t.Context(), "tree", argosy.Path(tree(t))))(t)
	must(client.Save(t.Context(), "raw", []byte("raw")))(t)
	usual := syscall.Umask(0o027)
	defer syscall.Umask(usual)
	top := t.TempDir()
	must(client.Download(t.Context(), "tree", filepath.Join(top, "tree")))(t)
	must(client.DownloadFile(t.Context(), "raw", filepath.Join(top, strings.Repeat("n", 255))))(t)
	for path, mode := range map[string]os.FileMode{
		"tree": 0o750, "tree/a/empty": 0o750, "tree/a/f.txt": 0o640, strings.Repeat("n", 255): 0o640,
	} {
		expect(t, must(os.Stat(filepath.Join(top, path)))(t).Mode().Perm(), mode)
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
	python(t, client, `
import os; os.environ["ARGOSY_ALLOW_PICKLE"] = "1"
import argosy, pandas as pd
class Own: pass
argosy.save_artifact(Own(), "pickle")
argosy.save_artifact(argosy.HTMLString("<p>"), "page")
argosy.save_artifact(pd.DataFrame({"a": [1]}), "frame")`)
	must(client.Save(t.Context(), "text", "abc"))(t)
	var number int
	for name, cure := range map[string]string{"pickle": "publish a neutral format", "page": "Open or Download", "frame": "parquet.Table", "text": "*string"} {
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

func TestArraysOfWhatGoHasNoTypeForAreRefusedWithACureThatPythonTakes(t *testing.T) {
	client := connect(t)
	python(t, client, `
import argosy, numpy as np
for name, array in {
    "moments": np.array(["2026-01-01"], "M8[s]"), "texts": np.array(["a", "b"]), "long": np.arange(2, dtype=np.longdouble),
    "complex": np.arange(2, dtype=np.clongdouble), "fields": np.zeros(2, [("a", "f8"), ("b", "i4")]),
}.items():
    argosy.save_artifact(array, name)
`)
	cures := []string{}
	for _, name := range []string{"moments", "texts", "long", "complex", "fields"} {
		var array npy.Array
		_, err := client.Load(t.Context(), name, &array)
		var format *argosy.FormatError
		if !errors.As(err, &format) || format.Format != "npy" || format.Name != name {
			t.Fatal(name, err)
		}
		_, cure, _ := strings.Cut(format.Cure, "array")
		cures = append(cures, "array"+cure)
	}
	cures[4] = `array["a"]`
	python(t, client, `
import argosy, sys
for name, cure in zip(["moments", "texts", "long", "complex", "fields"], sys.argv[1:]):
    argosy.save_artifact(eval(cure, {"array": argosy.load_artifact(name)}), name)
`, cures...)
	values := map[string]any{}
	for _, name := range []string{"moments", "texts", "long", "complex", "fields"} {
		var value any
		must(client.Load(t.Context(), name, &value))(t)
		if array, ok := value.(*npy.Array); ok {
			value = array.Data
		}
		values[name] = value
	}
	expect(t, values, map[string]any{
		"moments": []int64{1767225600}, "texts": []any{"a", "b"}, "long": []float64{0, 1}, "complex": []complex128{0, 1},
		"fields": []float64{0, 0},
	})
}

func TestNilIsNoValueAndNoDestination(t *testing.T) {
	client := connect(t)
	for _, value := range []any{(*npy.Array)(nil), (*argosy.JSON)(nil)} {
		if _, err := client.Save(t.Context(), "nothing", value); err == nil || !strings.Contains(err.Error(), "is nil") {
			t.Fatal(err)
		}
	}
	must(client.Save(t.Context(), "text", "text"))(t)
	must(client.Save(t.Context(), "bytes", []byte("bytes")))(t)
	must(client.Save(t.Context(), "array", must(npy.New([]int{1}, []bool{true}))(t)))(t)
	for name, destinations := range map[string][]any{
		"text": {(*string)(nil), (*any)(nil), nil}, "bytes": {(*[]byte)(nil)}, "array": {(*npy.Array)(nil), (*any)(nil)},
	} {
		for _, destination := range destinations {
			if _, err := client.Load(t.Context(), name, destination); err == nil || !strings.Contains(err.Error(), "give a pointer") {
				t.Fatalf("%s into a %T: %v", name, destination, err)
			}
		}
	}
}

func TestTextWithLoneSurrogatesGoesThroughGo(t *testing.T) {
	client := connect(t)
	python(t, client, `import argosy; argosy.save_artifact("a\ud800", "half")`)
	var text any
	must(client.Load(t.Context(), "half", &text))(t)
	version := must(client.Save(t.Context(), "again", text))(t)
	expect(t, version.GetFormat(), "json")
	expect(t, python(t, client, `import argosy; print(ascii(argosy.load_artifact("again")))`), `'a\ud800'`)
	if _, err := client.Save(t.Context(), "never", "\xff"); err == nil || !strings.Contains(err.Error(), "[]byte") {
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
