package secret

import (
	"slices"
)

// walker looks closer at places of a text.
type walker struct {
	*table
	text  string
	found []found
	// loose makes doubtful places count as well: comments, prose, program code.
	loose bool
	// label is the value of the last "name:" and labelEnd where it ends, for lists
	// of pairs: "name: DB_PASSWORD", then "value: ...".
	label    string
	labelEnd int
	// bareEnd keeps the work linear: up to there the text was read as one value
	// without quotes, and is not read as such again.
	bareEnd int
	// noHost is up to where in the file a URL was read that names no user.
	noHost int
	// spent is how much expressions have read in vain.
	spent int
	// base is where in the file the text begins, trust what a name proves in it.
	base  int
	trust trust
	// bare says that the value which is judged is not in quotes.
	bare bool
}

func (s *walker) add(kind string, start, end int) {
	if kind != "" && start < end {
		s.record(found{Match: Match{Kind: kind, Start: start, End: end}})
	}
}

// record keeps what was found, at its place in the file.
func (s *walker) record(f found) {
	f.Start, f.End = f.Start+s.base, f.End+s.base
	s.found = append(s.found, f)
}

// merge sorts the matches and joins those that overlap. A kind told by a shape
// says more than one told by a name.
func (t *table) merge(all []found) []found {
	slices.SortStableFunc(all, func(a, b found) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	out := all[:0]
	for _, m := range all {
		last := len(out) - 1
		if last < 0 || m.Start >= out[last].End {
			out = append(out, m)
			continue
		}
		end := max(out[last].End, m.End)
		if t.rank(m.Kind) > t.rank(out[last].Kind) {
			if m.Start != out[last].Start {
				m.prefix = 0
			}
			m.Start, m.line = out[last].Start, out[last].line
			out[last] = m
		}
		out[last].End = end
	}
	return out
}

// rank is how much is known about a credential of the kind: from a name alone,
// from where it stands, from its own shape.
func (t *table) rank(id string) int {
	k := t.byID[id]
	switch {
	case generic(id):
		return 0
	case k != nil && len(k.prefixes) > 0 && !k.weak:
		return 2
	}
	return 1
}
