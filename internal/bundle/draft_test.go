package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sundae/internal/onnxfile"
)

// external is the decoder of models(unchanged) with a weight of 8 KB beside it.
func external(t *testing.T, folder string) {
	t.Helper()
	in, out := good()
	shape := []int64{2048}
	graph := onnxfile.Graph{
		Inputs: append(in[DecoderFile], onnxfile.Tensor{Name: "/w", Type: onnxfile.Float32, Shape: shape}), Outputs: out[DecoderFile],
		Nodes: []onnxfile.Node{{Op: "Identity", In: []string{"/w"}, Out: []string{out[DecoderFile][0].Name}}},
	}
	network, err := onnxfile.Bind(graph.Marshal(), func(name string) bool { return name == "/w" }, func(string, []int) ([]float32, error) {
		return make([]float32, 2048), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := network.WriteExternal(t.Context(), folder, DecoderFile); err != nil {
		t.Fatal(err)
	}
}

// draft writes a bundle with external data in a draft of dir.
func draft(t *testing.T, dir string) *Draft {
	t.Helper()
	d, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := models(unchanged)
	for _, name := range []string{PriorFile, EncoderFile} {
		if err := (onnxfile.Model{Graph: files[name]}).Write(t.Context(), d.Folder(), name); err != nil {
			t.Fatal(err)
		}
	}
	external(t, d.Folder())
	return d
}

// Until Commit the folder holds the earlier bundle, then the new one and what was no part
// of the earlier one; nothing else is left.
func TestReplace(t *testing.T) {
	dir := write(t)
	card := filepath.Join(dir, "docs", "card.md")
	if err := os.Mkdir(filepath.Dir(card), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(card, []byte("# Model\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	leftOver := filepath.Join(filepath.Dir(dir), ".bundle.new")
	if err := os.MkdirAll(filepath.Join(leftOver, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := draft(t, dir)
	if b, err := OpenFolder(dir); err != nil || b.Model(DecoderFile).Folder != "" {
		t.Errorf("before Commit: %v", err)
	}
	m, err := d.Commit(manifest())
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Model(DecoderFile).Folder != dir || b.Model(PriorFile).Folder != "" || m.Files[DecoderFile+".data"].Bytes != 4*2048 {
		t.Errorf("the new bundle has the files %v", m.Files)
	}
	if text, err := os.ReadFile(card); err != nil || string(text) != "# Model\n" {
		t.Errorf("the model card: %q, %v", text, err)
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("left over are %v", entries)
	}
	if err := Write(dir, manifest(), models(unchanged)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, DecoderFile+".data")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the earlier bundle's external data is still there: %v", err)
	}
}

// A bundle is written to a folder, never in place of a file.
func TestTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := Create(dir)
		for _, err := range []error{err, CheckTarget(dir)} {
			if err == nil || !strings.Contains(err.Error(), "is a file, or lies in one: name a folder") {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
}

func TestDiscard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	d := draft(t, dir)
	bad := manifest()
	bad.Name = ""
	if _, err := d.Commit(bad); err == nil {
		t.Error("a bundle without a name was written")
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 0 {
		t.Errorf("left over are %v", entries)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(other); err == nil || !strings.Contains(err.Error(), "name another folder") {
		t.Errorf("a folder with other files: %v", err)
	}
}

// External data lies in the bundle's folder, in files that the manifest names, whatever a
// bundle's maker wants.
func TestHostileExternalData(t *testing.T) {
	data := DecoderFile + ".data"
	for want, harm := range map[string]func(dir string){
		data + " is not the file": func(dir string) { appendTo(filepath.Join(dir, data), "x") },
		"which is a link": func(dir string) {
			moved := filepath.Join(t.TempDir(), data)
			os.Rename(filepath.Join(dir, data), moved)
			os.Symlink(moved, filepath.Join(dir, data))
		},
		"does not name": func(dir string) {
			edit(dir, func(text string) string { return strings.Replace(text, data+":", "other.data:", 1) })
			os.Rename(filepath.Join(dir, data), filepath.Join(dir, "other.data"))
		},
		`files can't have "../secret"`: func(dir string) {
			edit(dir, func(text string) string { return strings.Replace(text, data+":", "../secret:", 1) })
		},
		"beyond the end": func(dir string) {
			os.Truncate(filepath.Join(dir, data), 100)
			f, _ := describe(os.DirFS(dir), data, new(bytes.Buffer))
			edit(dir, func(text string) string {
				before, _, _ := strings.Cut(text, data+":")
				_, rest, _ := strings.Cut(text, EncoderFile+":")
				return fmt.Sprintf("%s%s: {bytes: %d, sha256: %s}\n    %s:%s", before, data, f.Bytes, f.SHA256, EncoderFile, rest)
			})
		},
	} {
		dir := filepath.Join(t.TempDir(), "bundle")
		if _, err := draft(t, dir).Commit(manifest()); err != nil {
			t.Fatal(err)
		}
		harm(dir)
		if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	if _, err := draft(t, dir).Commit(manifest()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "built-in") {
		t.Errorf("external data without a folder: %v", err)
	}
}

func edit(dir string, change func(text string) string) {
	path := filepath.Join(dir, ManifestFile)
	text, _ := os.ReadFile(path)
	os.WriteFile(path, []byte(change(string(text))), 0o644)
}

// A program that is killed while it replaces a bundle leaves the old one or the new one.
func TestKilledWhileReplacing(t *testing.T) {
	if dir := os.Getenv("SUNDAE_REPLACE_BUNDLE"); dir != "" {
		for {
			if _, err := draft(t, dir).Commit(manifest()); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := write(t)
	if err := exchange(t.TempDir(), t.TempDir()); err != nil {
		t.Skip("the file system can't exchange two folders:", err)
	}
	for kill := range 8 {
		child := exec.Command(os.Args[0], "-test.run", "^TestKilledWhileReplacing$")
		child.Env = append(os.Environ(), "SUNDAE_REPLACE_BUNDLE="+dir)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+7*kill) * time.Millisecond)
		child.Process.Kill()
		child.Wait()
		if _, err := OpenFolder(dir); err != nil {
			t.Errorf("after kill %d: %v", kill, err)
		}
	}
}
