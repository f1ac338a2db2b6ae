// Command hold is process 1 of a box and, for each request, the parent of the
// program that is run there. envctl carries it prebuilt; see the package
// local/box/binary.
package main

import (
	"os"

	"github.com/envctl/envctl/local/box/hold"
)

func main() { os.Exit(hold.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
