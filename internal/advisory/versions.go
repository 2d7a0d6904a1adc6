package advisory

import (
	"bytes"
	"slices"
)

// versions are the version names of a group, and the sets of them that records
// refer to by number. Most sets are one run along the sorted names, and share
// their memory.
type versions struct {
	names []string
	sets  cursor
	count uint64
	made  [][]string
	total int
	bad   bool
}

// maxListed bounds how many version names the sets of one package may spell out
// beside the shared ones.
const maxListed = 4 << 20

// readVersions reads the table; sets are read when one is asked for.
func readVersions(c cursor) *versions {
	v := &versions{bad: c.bad}
	if len(c.text) == 0 {
		return v
	}
	n := c.count()
	ends := make([]int, n)
	text := make([]byte, 0, 2*len(c.text))
	previous := 0
	for i := range ends {
		// A name repeats the beginning of the one before.
		shared, rest := int(c.byte()), c.string()
		if shared > len(text)-previous || len(text) > maxGroup {
			v.bad = true
			return v
		}
		start := len(text)
		text = append(append(text, text[previous:previous+shared]...), rest...)
		previous, ends[i] = start, len(text)
	}
	v.names = make([]string, n)
	all, start := string(text), 0
	for i, end := range ends {
		v.names[i], start = all[start:end], end
	}
	v.count = uint64(c.count())
	v.sets, v.bad = c, v.bad || c.bad
	return v
}

// set returns the set of a number, from 1; 0 is none.
func (v *versions) set(number uint64) []string {
	if number == 0 || v.bad {
		return nil
	}
	if number > v.count {
		v.bad = true
		return nil
	}
	for uint64(len(v.made)) < number && !v.bad {
		v.made = append(v.made, v.next())
	}
	if v.bad {
		return nil
	}
	return v.made[number-1]
}

// next reads the next set: runs, each a gap after the one before and a length.
func (v *versions) next() []string {
	var out []string
	runs, at := v.sets.count(), uint64(0)
	for range runs {
		gap, length := v.sets.uint(), v.sets.uint()
		left := uint64(len(v.names)) - at
		if v.sets.bad || gap > left || length > left-gap {
			v.bad = true
			return nil
		}
		run := v.names[at+gap:][:length:length]
		at += gap + length
		if runs == 1 {
			return run
		}
		if v.total += len(run); v.total > maxListed {
			v.bad = true
			return nil
		}
		out = append(out, run...)
	}
	return out
}

// search says for each set of a table whether it has a version, given without its
// "v". It says nothing of sets behind one that cannot be read.
func search(table, version string) (holds []bool) {
	c := cursor{text: table}
	names := uint64(c.count())
	var found []uint64
	v := []byte("v")
	var room [64]byte
	name := room[:0]
	for i := range names {
		shared, rest := int(c.byte()), c.string()
		if shared > len(name) {
			return nil
		}
		name = append(name[:shared], rest...)
		if string(bytes.TrimPrefix(name, v)) == version {
			found = append(found, i)
		}
	}
	holds = make([]bool, 0, c.count())
	for range cap(holds) {
		at, has := uint64(0), false
		for range c.count() {
			gap, length := c.uint(), c.uint()
			if left := names - at; c.bad || gap > left || length > left-gap {
				return holds
			}
			at += gap + length
			has = has || slices.ContainsFunc(found, func(i uint64) bool { return i >= at-length && i < at })
		}
		holds = append(holds, has)
	}
	return holds
}
