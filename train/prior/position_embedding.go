package prior

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// positionEmbedding is the sum of a learned embedding of the row and one of the column,
// [1, N, D]. It is our addition to the paper, switched by Config.PositionEmbedding.
// Rotary embeddings only tell how far tokens lie apart. Sampling starts from noise that
// looks the same everywhere, and then nothing says which side of the picture is up.
func (c Config) positionEmbedding(scope *model.Scope, g *Graph, grid Grid) *Node {
	std := 0.25 / math.Sqrt(float64(c.Dim))
	rows := engine.Normal(scope, g, "rows", std, grid.Height, 1, c.Dim)
	columns := engine.Normal(scope, g, "columns", std, 1, grid.Width, c.Dim)
	x := Add(BroadcastToDims(rows, grid.Height, grid.Width, c.Dim), columns) // [h, w, D]
	return Reshape(x, 1, grid.Height*grid.Width, c.Dim)                      // [1, N, D]
}
