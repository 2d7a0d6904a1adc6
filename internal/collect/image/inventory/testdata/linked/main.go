// Command linked parses a language tag: golang.org/x/text/language is linked.
package main

import (
	"fmt"
	"os"

	"golang.org/x/text/language"
)

type greeter[T any] struct{ value T }

//go:noinline
func (g *greeter[T]) greet() func() {
	return func() { fmt.Println(g.value) }
}

func main() {
	for _, arg := range os.Args[1:] {
		tag, err := language.Parse(arg)
		fmt.Println(tag, err)
	}
	(&greeter[int]{len(os.Args)}).greet()()
}
