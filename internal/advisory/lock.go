package advisory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Lock waits until nobody else writes to a part of the database, and keeps others
// from it until it is released. Who adds to a pack reads it first: two at once
// would lose what one of them added. Readers need no lock.
func Lock(ctx context.Context, dir, part string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the advisory database: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock-"+part), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the advisory database: %w", err)
	}
	for !tryLock(f) {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for another holdfast that writes to %s: %w", dir, ctx.Err())
		case <-time.After(lockPause):
		}
	}
	return func() { f.Close() }, nil
}

// lockPause is waited before a lock is tried again.
const lockPause = 50 * time.Millisecond
