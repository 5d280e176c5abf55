package tui

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// README.md describes every key, beginning with the words of the help.
func TestReadmeListsEveryKey(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range newCommands() {
		if c.label == "" {
			continue
		}
		row := fmt.Sprintf("\n| `%s` | %s", strings.ReplaceAll(c.label, " ", "` `"), c.help)
		if !strings.Contains(string(text), row) {
			t.Errorf("README.md lacks the row %q", row[1:])
		}
	}
}
