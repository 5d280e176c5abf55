// Package picture reads, fits, arranges, compares and saves pictures.
//
// A picture comes in through [Load], is made square by [Fit], and leaves
// through [Save] or, many at once, through a [Folder]: every file appears whole
// or not at all. What a PNG should say about itself goes into a text chunk
// beside its pixels ([Text], [ReadText]). [WriteGIF] and [WriteAPNG] write
// animations, [Compose] lays an original back around what was made anew.
package picture
