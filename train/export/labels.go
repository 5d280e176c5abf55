package export

import (
	"fmt"
	"os"
	"strings"

	"sundae/internal/bundle"
)

// Labels are what a model is called. What is empty stays as the manifest has it.
type Labels struct {
	Name        string
	Description string
	Licence     string
	Classes     []string // in the order of the class ids
}

// Apply writes the labels into a manifest. There must be as many classes as it has.
func (l Labels) Apply(m *bundle.Manifest) error {
	if err := l.CheckClasses(len(m.Classes)); err != nil {
		return err
	}
	for _, label := range []struct {
		text string
		to   *string
	}{{l.Name, &m.Name}, {l.Description, &m.Description}, {l.Licence, &m.Licence}} {
		if label.text != "" {
			*label.to = label.text
		}
	}
	if len(l.Classes) > 0 {
		m.Classes = l.Classes
	}
	return nil
}

// CheckClasses returns an error if the labels name another number of classes than the
// model has.
func (l Labels) CheckClasses(n int) error {
	if len(l.Classes) > 0 && len(l.Classes) != n {
		return fmt.Errorf("there are names for %d classes, and the model has %d: give one name for each", len(l.Classes), n)
	}
	return nil
}

// ReadClasses reads class names from a text file, one in a line, in the order of the class
// ids. Empty lines do not count.
func ReadClasses(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read class names: %w", err)
	}
	var classes []string
	lines := map[string]int{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		number++
		name := strings.TrimSpace(line)
		if name == "" {
			continue
		}
		if first, ok := lines[name]; ok {
			return nil, fmt.Errorf("read class names: lines %d and %d of %s are both %q: give every class a different name", first, number, path, name)
		}
		lines[name] = number
		classes = append(classes, name)
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("read class names: %s has none: write one name in a line", path)
	}
	return classes, nil
}
