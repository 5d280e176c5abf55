package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/bundle"
)

func TestModels(t *testing.T) {
	good := sampleBundle(t, func(m *bundle.Manifest, _ map[string][]byte) {
		m.Name, m.Description = "hills", "green ones"
		m.Training = bundle.Training{
			Command: "sundae train all --recipe hills", Seed: 3, Date: "2026-11-24", Machine: "2 cores",
			Steps: map[string]int{"prior": 400}, Hours: map[string]float64{"prior": 1.5}, Figures: map[string]float64{"vqgan_psnr": 24.91},
		}
		m.Licence = "MIT"
	})
	folder := filepath.Dir(good)
	broken := filepath.Join(folder, "run", "bundle")
	if err := os.MkdirAll(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, bundle.ManifestFile), []byte("format: 9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, messages := run(t, "models", folder)
	if code != exitOK || messages != "" {
		t.Errorf("exit code %d: %s", code, messages)
	}
	for _, want := range []string{
		"hills: green ones\n", good + ", ", "32×32 pixels, 8×8 tokens of 4×4 pixels", "16 codes", "alpine, ", ", ocean\n",
		"2026-11-24, `sundae train all --recipe hills`, seed 3, prior 400 steps in 1.5 hours, 2 cores, reconstruction PSNR 24.9 dB", "MIT",
		broken + "\n  can't be opened: " + broken + ": open bundle: read model.yaml: format 9",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}

	// Without arguments the folders of the settings are searched. The model that they name is listed once, and first.
	settings := filepath.Join(t.TempDir(), "config.yaml")
	write := func(model, folder string) {
		t.Helper()
		if err := os.WriteFile(settings, fmt.Appendf(nil, "model: %q\nmodels: [%q]\n", model, folder), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Base(good), folder)
	if code, out, _ := run(t, "models", "--config", settings); code != exitOK || strings.Count(out, "hills: green ones") != 1 || !strings.HasPrefix(out, "hills") {
		t.Errorf("by the settings, exit code %d:\n%s", code, out)
	}
	write("nosuch", filepath.Join(folder, "nosuch"))
	if code, out, _ := run(t, "models", "--config", settings); code != exitOK || strings.Count(out, "where") != 1 || !strings.Contains(out, "built in") {
		t.Errorf("with the built-in one alone, exit code %d: %s", code, out)
	}
	if code, out, messages := run(t, "models", t.TempDir()); code != exitOK || out != "" || !strings.Contains(messages, "no model bundles in ") {
		t.Errorf("in an empty folder, exit code %d: %s%s", code, out, messages)
	}
	code, out, messages = run(t, "models", filepath.Join(folder, "nosuch"))
	sampleFault(t, []string{"models"}, exitBad, "find models", code, out, messages)
}
