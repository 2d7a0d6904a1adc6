package advisory

import (
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"
)

// rate sets severity, score and vector: score and vector by the newest version of
// CVSS that rates it, the severity by the distribution's word on its package, by
// the score, or by the word of the database, whichever there is first.
func (a *Advisory) rate(ratings []osvSeverity, ecosystem, database, own specific) {
	version, byScore, byWord := 0, "", ""
	for _, r := range ratings {
		v, score, ok := baseScore(r.Score)
		switch {
		case !ok && byWord == "":
			byWord = severityWord(r.Score) // of the type "Ubuntu"
		case ok && (v > version || v == version && score > a.Score):
			version, a.Score, a.Vector = v, score, r.Score
			byScore = scoreWord(v, score)
		}
	}
	candidates := []loose{ecosystem.Severity, ecosystem.Urgency, ecosystem.UbuntuPriority, ecosystem.Priority,
		database.Severity, database.Urgency, database.Priority, loose(byWord), loose(byScore), own.Severity, own.Priority}
	for _, word := range candidates {
		if a.Severity = severityWord(string(word)); a.Severity != "" {
			return
		}
	}
}

// maxVector is longer than any vector with all metrics.
const maxVector = 400

// baseScore computes the score of a vector and returns the version of CVSS, as 20
// to 40.
func baseScore(vector string) (version int, score float64, ok bool) {
	if len(vector) > maxVector {
		return 0, 0, false
	}
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		c, err := cvss40.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		return 40, c.Score(), true
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		c, err := cvss31.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		return 31, c.BaseScore(), true
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		c, err := cvss30.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		return 30, c.BaseScore(), true
	case strings.HasPrefix(vector, "AV:"):
		c, err := cvss20.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		return 20, c.BaseScore(), true
	}
	return 0, 0, false
}

// scoreWord is the rating that the specification gives a score. That of version 2
// had no "critical".
func scoreWord(version int, score float64) string {
	switch {
	case version > 20 && score >= 9:
		return "critical"
	case score >= 7:
		return "high"
	case score >= 4:
		return "medium"
	case score > 0:
		return "low"
	}
	return "info"
}

// severityWord is what the words of databases and distributions mean; "" for
// those that rate nothing, as "not yet assigned".
func severityWord(word string) string {
	switch strings.TrimRight(strings.ToLower(word), "*") {
	case "critical":
		return "critical"
	case "high", "important":
		return "high"
	case "medium", "moderate":
		return "medium"
	case "low", "minor":
		return "low"
	case "info", "informational", "negligible", "unimportant", "none":
		return "info"
	}
	return ""
}
