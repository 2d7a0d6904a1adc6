package gitdiff

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/triage"
)

// patchReader reads a patch in git's form, without lines of context.
type patchReader struct {
	changed map[string][]triage.Range
	old     string // the path before, of the file that is read
	link    bool   // the file is a submodule
	gone    bool   // the file was removed
	name    string // its name in changed
	// left and right are the lines of the current hunk that are still to come.
	left, right int
}

// parsePatch returns the changed lines of each file of a patch.
func parsePatch(r io.Reader) (map[string][]triage.Range, error) {
	p := patchReader{changed: map[string][]triage.Range{}}
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading what git prints: %w", err)
		}
		if err := p.line(line); err != nil {
			return nil, err
		}
	}
	if p.left > 0 || p.right > 0 {
		return nil, errors.New("reading what git prints: it ends within a hunk")
	}
	return p.changed, nil
}

// readLine returns the next line without its end, or the start of it where it is
// longer than the buffer: all that matters is at the start.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	start := string(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	if err != nil && (len(start) == 0 || !errors.Is(err, io.EOF)) {
		return "", err
	}
	return strings.TrimSuffix(start, "\n"), nil
}

func (p *patchReader) line(line string) error {
	if p.left > 0 || p.right > 0 {
		return p.body(line)
	}
	key, rest, _ := strings.Cut(line, " ")
	switch key {
	case "diff":
		p.old, p.name, p.link, p.gone = "", "", false, false
	case "index", "new", "deleted", "old":
		p.link = p.link || strings.HasSuffix(line, " 160000")
	case "rename":
		_, name, _ := strings.Cut(rest, " ")
		return p.add(name, "")
	case "---":
		p.old = rest
	case "+++":
		if rest == "/dev/null" {
			p.gone = true
			return p.add(p.old, "a/")
		}
		return p.add(rest, "b/")
	case "*":
		if name, ok := strings.CutPrefix(rest, "Unmerged path "); ok {
			err := p.add(name, "")
			p.touch(1, math.MaxInt)
			return err
		}
	case "@@":
		return p.hunk(rest)
	}
	return nil
}

// add starts a file, under the name that the patch gives it.
func (p *patchReader) add(name, prefix string) error {
	// Git ends a name that has blanks with a tab, so that others can tell.
	name = strings.TrimSuffix(name, "\t")
	if strings.HasPrefix(name, `"`) {
		unquoted, err := strconv.Unquote(name)
		if err != nil {
			return fmt.Errorf("reading what git prints: the path %s is quoted in an unknown way", name)
		}
		name = unquoted
	}
	name, ok := strings.CutPrefix(name, prefix)
	if !ok || name == "" || name == "/dev/null" {
		return fmt.Errorf("reading what git prints: %q is no path of a file", name)
	}
	if p.link {
		name += "/"
	}
	p.name = name
	if _, ok := p.changed[name]; !ok {
		p.changed[name] = nil
	}
	return nil
}

// hunk reads the head of a hunk: "-1,2 +3,4 @@".
func (p *patchReader) hunk(text string) error {
	fields := strings.SplitN(text, " ", 3)
	if len(fields) < 3 || p.name == "" {
		return fmt.Errorf("reading what git prints: %q is no head of a hunk", "@@ "+text)
	}
	_, left, err := numbers(fields[0], "-")
	if err != nil {
		return err
	}
	first, right, err := numbers(fields[1], "+")
	if err != nil {
		return err
	}
	p.left, p.right = left, right
	if p.gone {
		return nil
	}
	if right == 0 {
		// Lines were removed after this one: it and the next are all there is
		// left to see of that.
		p.touch(max(first, 1), first+1)
		return nil
	}
	p.touch(first, first+right-1)
	return nil
}

// maxLine bounds the numbers of lines, so that they can be added up.
const maxLine = 1 << 31

// numbers reads a start and a length: "+3,4", or "+3" for one line.
func numbers(text, sign string) (start, length int, err error) {
	from, count, ok := strings.Cut(strings.TrimPrefix(text, sign), ",")
	if !ok {
		count = "1"
	}
	start, err = strconv.Atoi(from)
	if err == nil {
		length, err = strconv.Atoi(count)
	}
	if err != nil || !strings.HasPrefix(text, sign) || start < 0 || length < 0 || start > maxLine || length > maxLine {
		return 0, 0, fmt.Errorf("reading what git prints: %q is no range of lines", text)
	}
	return start, length, nil
}

func (p *patchReader) touch(first, last int) {
	p.changed[p.name] = append(p.changed[p.name], triage.Range{First: first, Last: last})
}

// body reads a line of a hunk.
func (p *patchReader) body(line string) error {
	switch {
	case strings.HasPrefix(line, "-") && p.left > 0:
		p.left--
	case strings.HasPrefix(line, "+") && p.right > 0:
		p.right--
	case strings.HasPrefix(line, `\`): // "No newline at end of file"
	default:
		return fmt.Errorf("reading what git prints: %q is no line of a hunk", clip(line))
	}
	return nil
}

func clip(line string) string {
	const most = 60
	if runes := bytes.Runes([]byte(line)); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return line
}
