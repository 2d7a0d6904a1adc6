package secret

import (
	"slices"
	"strings"
)

// scanner walks over a text once. Each byte that may begin something calls for a
// closer look around it.
type scanner struct {
	text  string
	found []Match
	// loose makes doubtful places count as well: comments, prose, program code.
	loose bool
	// label is the value of the last "name:" and labelEnd where it ends, for lists
	// of pairs: "name: DB_PASSWORD", then "value: ...".
	label    string
	labelEnd int
	// bareEnd and longEnd keep the work linear: up to there the text was read as one
	// value without quotes, or as one long token, and is not read as such again.
	bareEnd, longEnd int
}

// What a byte may begin; 0 is nothing.
const (
	wordStart = iota + 1
	separator
	dash
	at
	backslash
	tilde
)

// begins tells for each byte what it may begin.
var begins = func() (b [256]uint8) {
	for c := range b {
		if word[c] {
			b[c] = wordStart
		}
	}
	b['='], b[':'], b['>'] = separator, separator, separator
	b['-'], b['@'], b['\\'], b['~'] = dash, at, backslash, tilde
	return b
}()

func (s *scanner) scan() {
	t := s.text
	for i := 0; i < len(t); {
		switch begins[t[i]] {
		case wordStart:
			i = s.word(i)
		case separator:
			s.assignment(i)
			i++
		case dash:
			s.flag(i)
			i++
		case at:
			s.dataSource(i)
			i++
		case tilde:
			s.azureSecret(i)
			i++
		case backslash:
			i++
			if i < len(t) && (t[i] == 'n' || t[i] == 'r' || t[i] == 't') {
				i++ // an escaped line break ends a word as a real one does
			}
		default:
			i++
		}
	}
}

// openings tells for two bytes at the beginning of a word whether a shape or an
// idiom begins so. Few words of ordinary text do.
var openings = func() (o [256][256]bool) {
	for _, s := range shapes {
		o[s.prefix[0]][s.prefix[1]] = true
	}
	for _, x := range idioms {
		o[x.begin[0]][x.begin[1]] = true
	}
	return o
}()

// word looks for a shape or an idiom at the beginning of a word and returns where
// to go on.
func (s *scanner) word(i int) int {
	t := s.text
	if i+1 == len(t) || !openings[t[i]][t[i+1]] {
		return i + word.run(t[i:], len(t))
	}
	for k := range shapesBy[t[i]] {
		shape := &shapesBy[t[i]][k]
		if !strings.HasPrefix(t[i:], shape.prefix) || shape.max > maxValue && i < s.longEnd {
			continue
		}
		prefix, run := len(shape.prefix), shape.run(t[i:])
		body := shape.match(t[i:], run)
		if shape.max > maxValue {
			s.longEnd = i + prefix + run
		}
		if body == 0 {
			continue
		}
		m := Match{Kind: shape.kind, Start: i, End: i + prefix + body}
		if shape.open {
			m.Start += prefix
		}
		if m.Kind == "jwt" && serviceAccount(t[m.Start:m.End]) {
			m.Kind = "kubernetes-token"
		}
		s.found = append(s.found, m)
		return m.End
	}
	for k := range idiomsBy[t[i]] {
		if x := idiomsBy[t[i]][k]; strings.HasPrefix(t[i:], x.begin) {
			s.idiom(x, i)
		}
	}
	return i + word.run(t[i:], len(t))
}

func (s *scanner) add(kind string, start, end int) {
	if kind != "" && start < end {
		s.found = append(s.found, Match{Kind: kind, Start: start, End: end})
	}
}

// merge sorts the matches and joins those that overlap. A kind told by a shape
// says more than one told by a name.
func merge(found []Match) []Match {
	slices.SortFunc(found, func(a, b Match) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	out := found[:0]
	for _, m := range found {
		last := len(out) - 1
		if last < 0 || m.Start >= out[last].End {
			out = append(out, m)
			continue
		}
		out[last].End = max(out[last].End, m.End)
		if generic(out[last].Kind) {
			out[last].Kind = m.Kind
		}
	}
	return slices.Clip(out)
}
