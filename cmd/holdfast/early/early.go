// Package early puts the first garbage collections off. The tables that libraries
// fill before main starts are more than the collector's first goal, and collecting
// them, all of which stay, takes a fifth of a short run.
//
// It is the one package that does something when it is imported: there is no other
// way to come before them. Packages that are ready at the same time are initialised
// in the order of their paths, and this one needs little and has an early one.
package early

import (
	"os"
	"runtime/debug"
)

// ByUser says that the user has set the collector by hand: then it stays so. Else
// it is off, and main decides how it goes on.
var ByUser = putOff()

func putOff() (byUser bool) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return true
	}
	debug.SetGCPercent(-1)
	return false
}
