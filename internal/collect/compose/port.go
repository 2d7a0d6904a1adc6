package compose

import (
	"cmp"
	"strconv"
	"strings"
)

// maxPortRange is how many ports of one range are written out; of a longer one,
// the first and the last are.
const maxPortRange = 100

// portSpec is a port in short form: [[IP:]HOST:]CONTAINER[/PROTOCOL].
type portSpec struct {
	ip              string
	host, container portRange
	protocol        string
}

// portRange is one or several ports. Of text that has a gap, nothing else is
// known.
type portRange struct {
	text        string
	first, last int64
}

// parsePort takes a short form apart, gaps included.
func parsePort(text string) (portSpec, bool) {
	text, protocol, _ := strings.Cut(text, "/")
	p := portSpec{protocol: cmp.Or(strings.ToLower(protocol), "tcp")}
	parts := strings.Split(text, ":")
	n := len(parts)
	var ok bool
	if p.container, ok = parseRange(parts[n-1]); !ok {
		return portSpec{}, false
	}
	if n > 1 && parts[n-2] != "" {
		if p.host, ok = parseRange(parts[n-2]); !ok {
			return portSpec{}, false
		}
	}
	if n > 2 {
		p.ip = strings.Trim(strings.Join(parts[:n-2], ":"), "[]")
	}
	return p, true
}

func parseRange(text string) (portRange, bool) {
	if open(text) {
		return portRange{text: text}, true
	}
	from, to, isRange := strings.Cut(text, "-")
	first, err := strconv.ParseUint(from, 10, 16)
	if err != nil {
		return portRange{}, false
	}
	last := first
	if isRange {
		if last, err = strconv.ParseUint(to, 10, 16); err != nil || last < first {
			return portRange{}, false
		}
	}
	return portRange{text, int64(first), int64(last)}, true
}

// size is how many ports the range has.
func (r portRange) size() int64 {
	if r.text == "" || open(r.text) {
		return 0
	}
	return r.last - r.first + 1
}

func (r portRange) has(port int64) bool {
	return r.text != "" && !open(r.text) && r.first <= port && port <= r.last
}

// long gives the long forms of a spec that compose-go would not parse, or whose
// range is long: its first and its last port.
func (p portSpec) long() []any {
	one := func(container, host int64) map[string]any {
		m := map[string]any{"target": int(container), "protocol": p.protocol, "mode": "ingress"}
		switch {
		case open(p.host.text):
			m["published"] = p.host.text
		case p.host.text != "":
			m["published"] = strconv.FormatInt(host, 10)
		}
		if p.ip != "" {
			m["host_ip"] = p.ip
		}
		return m
	}
	out := []any{one(p.container.first, p.host.first)}
	if p.container.size() > 1 {
		out = append(out, one(p.container.last, p.host.last))
	}
	return out
}
