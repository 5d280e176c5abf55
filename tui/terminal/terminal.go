// Package terminal is the terminal as the app reads and writes it, over any connection from a local window to a slow
// SSH session.
//
// [Screen] is the one writer. Bubble Tea's frames and the images share its queue, so that no image ends up in the middle
// of an escape sequence, and a single goroutine writes it, so that a slow connection blocks neither keys nor sampling.
// It redraws the images that lie over text cells (sixel, iTerm2, kitty placed directly) after Bubble Tea has overwritten
// those cells, and removes every image before the alternate screen is left.
//
// [Drawer] is a goroutine that encodes images and sends them through the screen. For each slot on screen only the newest
// image counts. It measures what the connection carries (bandwidth.go): while images follow each other quickly they are sent
// as small as needed, and the last one is sent again, larger.
//
// [Keyboard] is the reader that Bubble Tea gets. It closes in an order that is safe when the program is killed.
package terminal
