package secret

import "strings"

// Redact replaces every credential in source text by Mask, each line of a
// credential that spans lines on its own, so that lines keep their numbers. It
// looks at the whole text, in pieces of what Find reads. It rather masks too
// much: a line of a key whose header is out of sight goes as well, and so does
// each repetition of a credential that is no common word.
func Redact(text string) string {
	var b strings.Builder
	for len(text) > maxText {
		cut := strings.LastIndexByte(text[:maxText], '\n') + 1
		if cut == 0 {
			cut = maxText
		}
		b.WriteString(redact(text[:cut]))
		text = text[cut:]
	}
	b.WriteString(redact(text))
	return b.String()
}

func redact(text string) string {
	places := append(Find(text), find(text, true)...)
	places = append(places, keyLines(text)...)
	places = append(places, repetitions(text, places)...)
	if len(places) == 0 {
		return text
	}
	var b strings.Builder
	done := 0
	all := make([]found, len(places))
	for i, m := range places {
		all[i].Match = m
	}
	for _, m := range builtIn().merge(all) {
		b.WriteString(text[done:m.Start])
		mask(&b, text[m.Start:m.End])
		done = m.End
	}
	b.WriteString(text[done:])
	return b.String()
}

// mask writes Mask for each line of the secret, keeping line breaks and
// indentation.
func mask(b *strings.Builder, secret string) {
	for line := range strings.Lines(secret) {
		body := strings.TrimLeft(line, " \t")
		b.WriteString(line[:len(line)-len(body)])
		end := strings.TrimRight(body, "\r\n")
		if end != "" {
			b.WriteString(Mask)
		}
		b.WriteString(body[len(end):])
	}
}

// keyLines finds lines that hold nothing but base64, as the lines of a PEM body.
func keyLines(text string) (found []Match) {
	at := 0
	for line := range strings.Lines(text) {
		body := strings.Trim(line, " \t\r\n\"',\\")
		if len(body) >= 40 && base64std.all(body) && !lowerHex.all(body) && random(body[:min(len(body), maxValue)]) {
			start := at + strings.Index(line, body)
			found = append(found, Match{Kind: "private-key", Start: start, End: start + len(body)})
		}
		at += len(line)
	}
	return found
}

// repetitions finds other places where a found credential stands. Words are left
// alone: masking each "postgres" would help nobody.
func repetitions(text string, found []Match) (more []Match) {
	seen := map[string]bool{}
	for _, m := range found {
		secret := text[m.Start:m.End]
		if len(seen) == maxRepeated || seen[secret] || !random(secret) {
			continue
		}
		seen[secret] = true
		for at := 0; ; {
			n := strings.Index(text[at:], secret)
			if n < 0 {
				break
			}
			more = append(more, Match{Kind: m.Kind, Start: at + n, End: at + n + len(secret)})
			at += n + len(secret)
		}
	}
	return more
}

// maxRepeated bounds the number of credentials whose repetitions are looked for.
const maxRepeated = 64
