// Command unlinked has golang.org/x/text among its modules, but not its parser
// of languages.
package main

import (
	"fmt"
	"os"

	"golang.org/x/text/unicode/norm"
)

func main() {
	for _, arg := range os.Args[1:] {
		fmt.Println(norm.NFC.String(arg))
	}
}
