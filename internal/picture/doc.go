// Package picture reads, fits, arranges, compares and saves pictures.
package picture
