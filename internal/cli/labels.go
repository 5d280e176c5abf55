package cli

import (
	"github.com/spf13/cobra"

	"sundae/train/export"
)

// labelFlags say what a model is called.
type labelFlags struct {
	export.Labels
	classes string // file
}

func (f *labelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Name, "name", "", "`name` of the model")
	cmd.Flags().StringVar(&f.Description, "description", "", "`text` that describes the model and what it was trained on")
	cmd.Flags().StringVar(&f.Licence, "licence", "", "`licence` of the model, such as MIT")
	cmd.Flags().StringVar(&f.classes, "classes", "", "text `file` with the names of the classes, one in a line")
}

// labels returns the labels, with the class names read.
func (f *labelFlags) labels() (export.Labels, error) {
	if f.classes == "" {
		return f.Labels, nil
	}
	var err error
	f.Classes, err = export.ReadClasses(f.classes)
	return f.Labels, err
}
