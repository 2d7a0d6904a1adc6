// Holdfast finds out how you would lose your containers.
package main

import (
	"os"

	"github.com/holdfast-sec/holdfast/internal/cli"
)

func main() {
	tuneMemory()
	system := cli.Process()
	system.BeforeImages = collectOften
	os.Exit(cli.Main(os.Args[1:], system))
}
