package engine

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// Metrics is a run's log: a CSV file with one row for each report, and plots of it.
type Metrics struct {
	dir, name string
	columns   []string
	rows      [][]float64 // step, then one value per column
}

// OpenMetrics opens dir/name.csv for rows of the given columns. Rows after step are dropped,
// because a resumed run writes them again.
func OpenMetrics(dir, name string, step int, columns ...string) (*Metrics, error) {
	m := &Metrics{dir: dir, name: name, columns: columns}
	file, err := os.Open(m.path())
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open metrics: %w", err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read metrics %s: %w", m.path(), err)
	}
	for i, record := range records {
		if i == 0 || len(record) != len(columns)+1 {
			continue
		}
		row := make([]float64, len(record))
		for j, cell := range record {
			if row[j], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("read metrics %s line %d: %w", m.path(), i+1, err)
			}
		}
		if int(row[0]) <= step {
			m.rows = append(m.rows, row)
		}
	}
	return m, nil
}

func (m *Metrics) path() string { return filepath.Join(m.dir, m.name+".csv") }

// Add appends a row: the step and one value for each column.
func (m *Metrics) Add(step int, values ...float64) {
	m.rows = append(m.rows, append([]float64{float64(step)}, values...))
}

// Write writes the CSV file, atomically.
func (m *Metrics) Write() error {
	file, err := renameio.NewPendingFile(m.path(), renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	defer file.Cleanup()
	w := csv.NewWriter(file)
	w.Write(append([]string{"step"}, m.columns...))
	for _, row := range m.rows {
		record := make([]string, len(row))
		for i, value := range row {
			record[i] = strconv.FormatFloat(value, 'g', 6, 64)
		}
		w.Write(record)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return file.CloseAtomicallyReplace()
}

// Plot draws the named columns over the steps to the PNG dir/file.
func (m *Metrics) Plot(file, title string, columns ...string) error {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text = "step"
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	var lines []any
	for _, column := range columns {
		var points plotter.XYs
		for i, name := range m.columns {
			if name != column {
				continue
			}
			for _, row := range m.rows {
				points = append(points, plotter.XY{X: row[0], Y: row[i+1]})
			}
		}
		if len(points) > 1 {
			lines = append(lines, column, points)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if err := plotutil.AddLines(p, lines...); err != nil {
		return fmt.Errorf("plot %s: %w", title, err)
	}
	w, err := p.WriterTo(8*vg.Inch, 5*vg.Inch, "png")
	if err != nil {
		return fmt.Errorf("plot %s: %w", title, err)
	}
	out, err := renameio.NewPendingFile(filepath.Join(m.dir, file), renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("plot %s: %w", title, err)
	}
	defer out.Cleanup()
	if _, err := w.WriteTo(out); err != nil {
		return fmt.Errorf("plot %s: %w", title, err)
	}
	return out.CloseAtomicallyReplace()
}
