package prior

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// teacherScope holds the pretrained prior that a run with Distillation learns from.
const teacherScope = "teacher"

// teacherTarget is the prediction of the teacher for tokens int32 [B, N], as probabilities
// [B, N, V], under autoguidance (Karras et al., 2406.02507): guided away from a weaker
// version of itself, which is the teacher without its shift mixing. With w the weight
// Config.Distillation and l, l⁻ the logits with and without shift mixing, it is
//
//	softmax(l + w·(l - l⁻)).
//
// It is our addition to the paper. Guidance at sampling time runs two networks per step; a
// student that has learned its result runs one (Meng et al., 2210.03142).
func (c Config) teacherTarget(scope *model.Scope, grid Grid, tokens, class *Node) *Node {
	weak := c
	weak.ShiftMixing = 0
	strong := c.logits(scope.At(teacherScope), grid, tokens, class)    // [B, N, V]
	weaker := weak.logits(scope.At(teacherScope), grid, tokens, class) // [B, N, V]
	return StopGradient(Softmax(Add(strong, MulScalar(Sub(strong, weaker), c.Distillation)), -1))
}

// copyTeacher copies the weights that a run starts from into the teacher's scope, where
// training leaves them as they are.
func copyTeacher(store *model.Store) error {
	for _, v := range slices.Collect(store.Scope("/" + modelScope).IterVariables()) {
		value, err := v.MustValue().LocalClone()
		if err != nil {
			return fmt.Errorf("copy %s to the teacher: %w", v.Path(), err)
		}
		copied, err := store.CreateVariable("/"+teacherScope+strings.TrimPrefix(v.Path(), "/"+modelScope), value)
		if err != nil {
			return fmt.Errorf("copy %s to the teacher: %w", v.Path(), err)
		}
		copied.SetTrainable(false)
	}
	return nil
}
