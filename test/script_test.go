package test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/holdfast-sec/holdfast/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"holdfast": func() {
			system := cli.Process()
			system.Today = "2026-06-01"
			os.Exit(cli.Main(os.Args[1:], system))
		},
	})
}

// TestScripts runs the stories: each is something that a user could type, in a
// folder with the files that it brings. The day is fixed, so that ignores do not
// expire under us.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs(filepath.Join("..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "script",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"image": imageCommand, "expand": expandCommand},
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			// No engine of this machine has a say in a story.
			env.Setenv("DOCKER_HOST", "unix:///nowhere.sock")
			env.Setenv("CONTAINER_HOST", "unix:///nowhere.sock")
			env.Setenv("HOLDFAST_DB", filepath.Join(env.WorkDir, "db"))
			return startRegistry(env)
		},
	})
}
