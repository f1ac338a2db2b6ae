// Package oneshot runs one program in a sandbox that is made for it and gone
// afterwards: a script or an image, with files brought in and results brought out.
//
// A [Spec] says what is wanted, [Run] does it and returns a [Report]. What a run is
// and what runs it are apart: this package reads the script, finds its language and
// its packages, packs the inputs, bounds the output and keeps the [Record]; a
// [Runner] has the images and the sandboxes. The program finds its script and its
// inputs in [InDir], which it can only read, and leaves results in [OutDir]. It has
// no network at all.
package oneshot
