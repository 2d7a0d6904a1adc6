// Holdfast finds out how you would lose your containers.
package main

import (
	"os"
	"runtime/debug"

	"github.com/holdfast-sec/holdfast/internal/cli"
)

// gcPercent trades a tenth of the processor time for a fifth of the memory: a
// scan runs beside builds, on machines that have neither to spare.
const gcPercent = 70

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(cli.Main(os.Args[1:], cli.Process()))
}
