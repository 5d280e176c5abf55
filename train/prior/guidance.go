package prior

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// teacherScope is where a run with Guidance keeps the prior that it began as.
const teacherScope = "teacher"

// target is what the network is to say of every token, probabilities [B, N, V]: the
// clean token alone, int32 [B, N]; or with Guidance w what its teacher says of tokens
// int32 [B, N], led away from a worse opinion (Karras et al., 2406.02507), which is its own
// without its neighbours. With l and l⁻ its logits with and without them,
//
//	softmax(l + w·(l - l⁻)).
//
// A sampler would have to ask twice at every step; who has learnt the answer is asked
// once (Meng et al., 2210.03142).
func (c Config) target(scope *model.Scope, grid Grid, tokens, clean, class *Node) *Node {
	if c.Guidance == 0 {
		return OneHot(clean, grid.Vocabulary, dtypes.Float32)
	}
	alone := c
	alone.Neighbours = 0
	with := c.Logits(scope.At(teacherScope), grid, tokens, class)
	without := alone.Logits(scope.At(teacherScope), grid, tokens, class)
	return StopGradient(Softmax(Add(with, MulScalar(Sub(with, without), c.Guidance)), -1))
}

// keepTeacher keeps a copy of the weights that the store begins with.
func keepTeacher(store *model.Store) error {
	for _, v := range slices.Collect(store.Scope("/" + modelScope).IterVariables()) {
		value, err := v.MustValue().LocalClone()
		if err != nil {
			return fmt.Errorf("keep %s: %w", v.Path(), err)
		}
		kept, err := store.CreateVariable("/"+teacherScope+strings.TrimPrefix(v.Path(), "/"+modelScope), value)
		if err != nil {
			return fmt.Errorf("keep %s: %w", v.Path(), err)
		}
		kept.SetTrainable(false)
	}
	return nil
}
