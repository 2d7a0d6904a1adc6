package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	loader "helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func die(what string, err error) {
	if err != nil {
		fmt.Println("!!", what, err)
		os.Exit(1)
	}
}

func main() {
	root := "examples/shop"
	out := os.Args[1]
	for _, n := range []string{"storefront", "catalog", "payments"} {
		b, err := os.ReadFile(filepath.Join(root, n, "Dockerfile"))
		die(n, err)
		r, err := parser.Parse(bytes.NewReader(b))
		die(n, err)
		st, _, err := instructions.Parse(r.AST, linter.New(&linter.Config{Warn: func(rule, d, u, f string, l []parser.Range) { fmt.Println("lint", n, rule, f) }}))
		die(n, err)
		fmt.Println("dockerfile", n, len(st), "stages")
	}
	for _, files := range [][]string{{"compose.yaml"}, {"compose.yaml", "compose.override.yaml"}} {
		var ps []string
		for _, f := range files {
			ps = append(ps, filepath.Join(root, f))
		}
		o, err := cli.NewProjectOptions(ps, cli.WithWorkingDirectory(root), cli.WithDotEnv)
		die("compose", err)
		p, err := o.LoadProject(context.Background())
		die("compose", err)
		y, err := p.MarshalYAML()
		die("compose", err)
		os.WriteFile(fmt.Sprintf("%s/compose%d.yaml", out, len(files)), y, 0o644)
		fmt.Println("compose", p.Name, p.ServiceNames())
	}
	for _, o := range []string{"base", "overlays/staging", "overlays/production"} {
		m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "deploy/kustomize", o))
		die(o, err)
		y, err := m.AsYaml()
		die(o, err)
		os.WriteFile(out+"/kustomize-"+filepath.Base(o)+".yaml", y, 0o644)
		fmt.Println("kustomize", o, m.Size())
	}
	c, err := loader.Load(root + "/deploy/chart/shop")
	die("chart", err)
	die("chart", c.Validate())
	for _, vf := range []string{"", "values-production.yaml"} {
		vals := map[string]any{}
		if vf != "" {
			v, err := common.ReadValuesFile(root + "/deploy/chart/shop/" + vf)
			die(vf, err)
			vals = v
		}
		rv, err := util.ToRenderValues(c, vals, common.ReleaseOptions{Name: "popup", Namespace: "popup"}, common.DefaultCapabilities)
		die(vf, err)
		e := engine.Engine{Strict: true}
		m, err := e.Render(c, rv)
		die(vf, err)
		var ks []string
		for k := range m {
			ks = append(ks, k)
		}
		sort.Strings(ks)
		var b strings.Builder
		for _, k := range ks {
			if strings.HasSuffix(k, ".txt") {
				fmt.Println(m[k])
				continue
			}
			fmt.Fprintf(&b, "---\n# %s\n%s\n", k, m[k])
		}
		os.WriteFile(out+"/helm-"+vf+"x.yaml", []byte(b.String()), 0o644)
		fmt.Println("helm", vf, len(m))
	}
}
