package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/collect/compose"
	"github.com/holdfast-sec/holdfast/internal/source"
)

type sink struct{ n int; quiet bool; unread int; assets int }

func (s *sink) Asset(a asset.Asset) {
	s.assets++
	if s.quiet { return }
	c := a.(*asset.Container)
	fmt.Println("==", c.ID, c.Head.Name, c.Place, c.Place.EndLine)
	type short asset.Container
	b, _ := json.Marshal((*short)(c))
	var m map[string]any
	json.Unmarshal(b, &m)
	prune(m)
	delete(m, "fields"); delete(m, "place"); delete(m,"id"); delete(m,"kind"); delete(m,"format")
	b, _ = json.Marshal(m)
	fmt.Println(string(b))
	for _, f := range c.Fields { fmt.Printf("   %-40s %s\n", f.Path, f.Place) }
}
func prune(m map[string]any) {
	for k, v := range m {
		switch x := v.(type) {
		case map[string]any:
			prune(x)
			if len(x) == 0 { delete(m, k) }
		case nil:
			delete(m, k)
		case string:
			if x == "" { delete(m, k) }
		case bool:
			if !x { delete(m, k) }
		case []any:
			if len(x) == 0 { delete(m, k) }
			for _, e := range x { if mm, ok := e.(map[string]any); ok { prune(mm) } }
		case float64:
			if x == 0 { delete(m, k) }
		}
	}
}
func (s *sink) Unread(p source.Place, r string) { s.unread++; fmt.Println("UNREAD", p, r) }
func (s *sink) Object(n int)                    { s.n += n }

func main() {
	args := os.Args[1:]
	q := false
	if args[0] == "-q" { q = true; args = args[1:] }
	var opts []compose.Option
	for len(args) > 1 && strings.HasPrefix(args[0], "-f") { opts = append(opts, compose.Files(strings.Split(args[1], ",")...)); args = args[2:] }
	tree, err := collect.Walk(args, os.Stdin, func(string) bool { return false })
	if err != nil { fmt.Println(err); return }
	c := compose.New(opts...)
	s := &sink{quiet: q}
	for _, in := range c.Claim(tree) {
		if !q { fmt.Println("## input", in.Path()) }
		in.Read(context.Background(), s)
	}
	fmt.Println("objects", s.n, "assets", s.assets, "unread", s.unread)
}
