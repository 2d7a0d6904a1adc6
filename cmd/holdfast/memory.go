package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
)

// Most scans are over before a collector that waits for a budget has anything
// to do. One whose live memory outgrows the half of it goes back to collecting
// by percentage: a fixed limit close above what is alive would collect for ever.
const (
	memoryBudget = 58 << 20
	gcPercent    = 70
)

// imagePercent keeps memory small while images stream by: little is alive, and
// what is allocated is mostly dead at once.
const imagePercent = 30

// collectOften ends what tuneMemory began, unless the user has set the collector
// by hand.
func collectOften() {
	if setByUser() {
		return
	}
	debug.SetGCPercent(imagePercent)
	debug.SetMemoryLimit(math.MaxInt64)
}

func setByUser() bool { return os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" }

// tuneMemory puts the first collections off, unless the user has set the
// collector by hand.
func tuneMemory() {
	if setByUser() {
		return
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(memoryBudget)
	afterCollection(func() (again bool) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc < memoryBudget/2 {
			return true
		}
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(math.MaxInt64)
		return false
	})
}

// afterCollection calls f after each garbage collection while it returns true.
func afterCollection(f func() (again bool)) {
	type sentinel struct{ _ [16]byte }
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		if f() {
			afterCollection(f)
		}
	})
}
