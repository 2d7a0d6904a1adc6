package pclntab

import (
	"bytes"
	"strconv"
	"strings"
)

// Split takes the name of a function as the linker wrote it apart into the
// import path of its package and its name within that, as advisories write it:
//
//	net/http.(*Transport).RoundTrip       net/http   Transport.RoundTrip
//	slices.SortFunc[...]                  slices     SortFunc
//	gopkg.in/yaml%2ev3.Unmarshal.func1    gopkg.in/yaml.v3   Unmarshal
//
// Closures belong to the function that they stand in. function is "" for what
// is no function of the source, and both are "" for what belongs to no package.
// buf is used for the results where the name has to be changed.
func Split(name, buf []byte) (pkg, function []byte) {
	if bytes.HasPrefix(name, []byte("type:")) || bytes.HasPrefix(name, []byte("type..")) ||
		bytes.HasPrefix(name, []byte("go:")) {
		return nil, nil
	}
	if bytes.IndexByte(name, '[') >= 0 {
		buf = appendPlain(buf[:0], name)
		name, buf = buf, buf[len(buf):]
	}
	slash := bytes.LastIndexByte(name, '/') + 1
	dot := bytes.IndexByte(name[slash:], '.')
	if dot <= 0 {
		return nil, nil
	}
	pkg, function = name[:slash+dot], name[slash+dot+1:]
	if bytes.IndexByte(pkg, '%') >= 0 {
		pkg = unescape(pkg)
	}
	return pkg, plainFunction(function, buf)
}

// appendPlain appends a name without its type arguments.
func appendPlain(out, name []byte) []byte {
	depth := 0
	for _, c := range name {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		default:
			if depth <= 0 {
				out = append(out, c)
			}
		}
	}
	return out
}

// plainFunction normalises a name within its package.
func plainFunction(name, buf []byte) []byte {
	receiver := []byte(nil)
	if bytes.HasPrefix(name, []byte("(*")) {
		end := bytes.IndexByte(name, ')')
		if end < 0 || end+1 >= len(name) || name[end+1] != '.' {
			return nil
		}
		receiver, name = name[2:end], name[end+2:]
	}
	first, rest := cutDot(name)
	first = clean(first)
	if receiver != nil {
		if len(first) == 0 {
			return nil
		}
		return append(append(append(buf[:0], receiver...), '.'), first...)
	}
	if len(first) == 0 { // "glob..func1": a closure outside of functions
		return nil
	}
	second, _ := cutDot(rest)
	if second = clean(second); len(second) == 0 || isClosure(second) || first[0] == 'i' && string(first) == "init" {
		if string(first) == "glob" && len(rest) > 0 && rest[0] == '.' {
			return nil
		}
		return first
	}
	return name[:len(first)+1+len(second)]
}

func cutDot(name []byte) (first, rest []byte) {
	if i := bytes.IndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return name, nil
}

// clean cuts off what the compiler adds: "-fm" for method values, "-range1" for
// bodies of loops.
func clean(part []byte) []byte {
	if i := bytes.IndexByte(part, '-'); i >= 0 {
		return part[:i]
	}
	return part
}

// isClosure tells names that the compiler gives.
func isClosure(part []byte) bool {
	for _, prefix := range []string{"func", "gowrap", "deferwrap", ""} {
		rest, ok := bytes.CutPrefix(part, []byte(prefix))
		if ok && len(rest) > 0 && isNumber(rest) {
			return true
		}
	}
	return false
}

func isNumber(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// unescape undoes what the linker does to dots and other characters of the last
// element of a path.
func unescape(path []byte) []byte {
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if c, err := strconv.ParseUint(string(path[i+1:i+3]), 16, 8); err == nil {
				out.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		out.WriteByte(path[i])
	}
	return []byte(out.String())
}
