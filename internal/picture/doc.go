// Package picture reads, fits, arranges, compares and saves images.
//
//	load.go, orientation.go  image files and masks, photographs upright
//	fit.go, mask.go          any image or mask to the square that a model takes
//	compose.go, tone.go      an original and its inpainted region as one image
//	psnr.go                  how much two images differ
//	sheet.go                 many images on one
//	save.go, folder.go       PNG files, written completely or not at all
//	text.go                  text chunks of PNG files
//	animation.go             the animation of a sampling run
//	gif.go, palette.go       animations as GIF, their colours and dithering
//	apng.go                  animations as APNG
package picture
