package triage

import (
	"strings"

	"github.com/agext/levenshtein"
)

// maxWord is the longest word that is worth a guess: words come from input that
// anybody may have written.
const maxWord = 64

// Nearest returns the known name that a word most likely means, or "". It takes
// the fewest edits, and else a name that the word is a part of.
func Nearest(word string, known []string) string {
	if word == "" || len(word) > maxWord {
		return ""
	}
	best, least := "", 1+len(word)/3
	for _, name := range known {
		if d := levenshtein.Distance(word, name, nil); d < least || d == least && best == "" {
			best, least = name, d
		}
	}
	if best != "" || len(word) < 4 {
		return best
	}
	for _, name := range known {
		if strings.Contains(name, word) && (best == "" || len(name) < len(best)) {
			best = name
		}
	}
	return best
}

// didYouMean is the second half of a message about an unknown name.
func didYouMean(word string, known []string) string {
	if name := Nearest(word, known); name != "" {
		return ": did you mean " + name + "?"
	}
	return ""
}
