package cli

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's folder.
var root = filepath.Join("..", "..")

// importRules say what the packages of this module may not import. The patterns are
// those of the go command: "./tui/..." is ./tui and all packages below it. Test files
// and the packages in testPackages may import anything.
var importRules = []struct {
	why      string
	packages []string
	except   []string
	not      []string
}{
	{
		why:      "nothing but main imports cli",
		packages: []string{"./..."}, except: []string{"."},
		not: []string{"./internal/cli"},
	},
	{
		why:      "tui is opened by cli alone",
		packages: []string{"./..."}, except: []string{"./internal/cli", "./tui/..."},
		not: []string{"./tui/..."},
	},
	{
		why:      "the app does not pay for the start of the training framework",
		packages: []string{"./tui/..."},
		not:      []string{"./train/...", "github.com/gomlx/..."},
	},
	{
		why:      "the parts of the app do not know the whole",
		packages: []string{"./tui/..."}, except: []string{"./tui"},
		not: []string{"./tui"},
	},
	{
		why:      "the state of the app is plain: no events, no screen",
		packages: []string{"./tui/session", "./tui/inpaint", "./tui/panel/...", "./tui/loop"},
		not:      []string{"charm.land/bubbletea/v2", "./tui/terminal"},
	},
	{
		why:      "training does not know the app",
		packages: []string{"./train/..."},
		not:      []string{"./tui/..."},
	},
	{
		why:      "the stages of training do not know the whole",
		packages: []string{"./train/..."}, except: []string{"./train"},
		not: []string{"./train"},
	},
	{
		why:      "the app, the commands' benchmarks and the built-in files need no training",
		packages: []string{"./sampler/...", "./decoder", "./assets", "./internal/..."}, except: []string{"./internal/cli"},
		not: []string{"./train/..."},
	},
	{
		why: "lower packages do not know who uses them",
		packages: []string{
			"./internal/ort/...", "./internal/onnxfile", "./internal/inference", "./internal/bundle", "./internal/picture", "./internal/config", "./internal/progress",
		},
		not: []string{"./train/...", "./tui/...", "./sampler", "./decoder", "./internal/benchmark"},
	},
	{
		why:      "schedules and settings are for every package",
		packages: []string{"./sampler/schedule"},
		not:      []string{"./..."},
	},
	{
		why:      "sampler and decoder run networks through internal/inference",
		packages: []string{"./sampler", "./decoder"},
		not:      []string{"./internal/ort/...", "./train/...", "./tui/..."},
	},
	{
		why:      "bundles are found by whoever knows the built-in ones",
		packages: []string{"./internal/bundle"},
		not:      []string{"./assets"},
	},
	{
		why:      "ONNX Runtime is called by internal/ort alone",
		packages: []string{"./..."}, except: []string{"./internal/ort"},
		not: []string{"github.com/yalue/onnxruntime_go"},
	},
	{
		why:      "benchmarks have no flags",
		packages: []string{"./internal/benchmark"},
		not:      []string{"github.com/spf13/cobra"},
	},
}

// cgoFree are packages that use no cgo, nor import a package that does.
var cgoFree = []string{
	"./internal/bundle", "./internal/onnxfile", "./internal/inference", "./internal/picture", "./internal/config", "./internal/progress", "./sampler/schedule",
}

// testPackages serve tests alone.
var testPackages = []string{"./internal/bundle/bundletest", "./internal/ort/orttest"}

func TestImports(t *testing.T) {
	imports := moduleImports(t)
	for _, rule := range importRules {
		applied := false
		for _, pkg := range slices.Sorted(maps.Keys(imports)) {
			if !matchesAny(pkg, rule.packages) || matchesAny(pkg, rule.except) || slices.Contains(testPackages, pkg) {
				continue
			}
			applied = true
			for _, imported := range imports[pkg] {
				if matchesAny(imported, rule.not) {
					t.Errorf("%s imports %s, but %s", pkg, imported, rule.why)
				}
			}
		}
		if !applied {
			t.Errorf("no package is one of %v (%s)", rule.packages, rule.why)
		}
	}
}

func TestCgoFree(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-f", "{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}"}, cgoFree...)...)
	list.Dir = root
	list.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if users := strings.Fields(string(out)); len(users) > 0 {
		t.Errorf("packages that must need no cgo use %v", users)
	}
}

// matchesAny reports whether a package matches one of the patterns.
func matchesAny(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		base, below := strings.CutSuffix(pattern, "/...")
		return pkg == base || below && strings.HasPrefix(pkg, base+"/")
	})
}

// moduleImports returns the imports of every package of the module,
// without those of test files. Packages of the module are written relative to its
// folder, such as "./tui"; the main package is ".".
func moduleImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && file != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := "./" + filepath.ToSlash(dir)
		if dir == "." {
			pkg = "."
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if below, ok := strings.CutPrefix(imported, "sundae/"); ok {
				imported = "./" + below
			}
			imports[pkg] = append(imports[pkg], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}
