package engine

// Source gives the values of a network's variables that a store only declares: path is the
// variable's in the store ("/model/head/weight"), shape its dimensions, and the result
// its elements in row-major order. Export reads one variable after the other, so that a
// network whose weights come from elsewhere is never in memory as a whole.
//
// A Source is used by one goroutine at a time, which may keep the result no longer than
// until the next call.
type Source func(path string, shape []int) ([]float32, error)
