// Package scan is the pipeline at rest: targets -> inputs -> assets -> findings
// -> the user's choices -> a result. It is the one place where its stages meet.
package scan

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/collect"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/rule"
	"github.com/holdfast-sec/holdfast/internal/source"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// Plan is what a run is asked to do.
type Plan struct {
	// Targets are files and folders; "-" is Stdin.
	Targets []string
	Stdin   io.Reader
	// Exclude says which paths not to look at; nil excludes nothing.
	Exclude func(path string) bool
	// Collectors read the targets, in the order in which they may claim files.
	Collectors []collect.Collector
	Rules      Rules
	Images     Images
	// History adds the git histories of the targets.
	History bool
	// Choices are the user's decisions about findings. Comments and annotations
	// in the files are added to them.
	Choices triage.Choices
	// Notes are remarks that the result carries along.
	Notes []finding.Note
	// Today is the day on which ignores are looked at, as YYYY-MM-DD.
	Today string
}

// now is the moment for what is measured in days.
func (p *Plan) now() time.Time {
	now, err := time.Parse(time.DateOnly, p.Today)
	if err != nil {
		return time.Time{} // no day was given: nothing is too old
	}
	return now
}

// Rules is what assets are judged by.
type Rules struct {
	// BuiltIn holds the rule files that come with the program.
	BuiltIn fs.FS
	// User are the rules that the user added, already checked.
	User []rule.Rule
	// Adjust is shown every rule: it may change its severity, and says whether
	// the rule applies at all. Nil applies every rule as it is.
	Adjust func(*rule.Rule) bool
	// Functions are the algorithms that rules call.
	Functions rule.Functions
}

// load returns the rules on a kind that apply in this run.
func (r *Rules) load(kind asset.Kind) ([]rule.Rule, error) {
	all, err := rule.LoadKind(r.BuiltIn, kind)
	if err != nil {
		return nil, err
	}
	for _, u := range r.User {
		if u.On == kind {
			all = append(all, u)
		}
	}
	if r.Adjust == nil {
		return all, nil
	}
	kept := all[:0]
	for i := range all {
		before := all[i].Severity
		if r.Adjust(&all[i]) {
			if all[i].Severity != before {
				all[i].Rating = rule.Expr{} // the user's word is final
			}
			kept = append(kept, all[i])
		}
	}
	return kept, nil
}

// Run scans the targets. Its error means that the run could not be made at all;
// what could not be read or judged is part of the result.
func Run(ctx context.Context, plan Plan) (*finding.Result, error) {
	skip := plan.Exclude
	if skip == nil {
		skip = func(string) bool { return false }
	}
	tree, err := collect.Walk(plan.Targets, plan.Stdin, skip)
	if err != nil {
		return nil, err
	}
	return Tree(ctx, plan, tree)
}

// Tree scans files that were already found.
func Tree(ctx context.Context, plan Plan, tree *collect.Tree) (*finding.Result, error) {
	r := &run{engine: rule.NewEngine(plan.Rules.Functions, plan.Rules.load), ctx: ctx}
	r.images = &images{run: r, plan: &plan, named: map[string]source.Place{}}
	for _, p := range tree.Problems {
		r.Unread(source.Place{File: p.Path}, p.Reason)
	}
	inputs := append(r.images.claimImages(tree), claim(plan.Collectors, tree)...)
	defer r.images.openBases(ctx)()
	r.read(append(inputs, r.images.targets()...))
	for _, c := range plan.Collectors {
		c.Finish(ctx, r)
	}
	if plan.Images.Named {
		r.read(r.images.namedTargets())
	}
	search := slices.ContainsFunc([]string{"secret-in-file", "secret-encrypted", "secret-password-hash"}, plan.Rules.judges)
	if search {
		r.read(r.leftovers(tree))
	}
	r.read(r.pasts(plan, tree))
	for _, e := range tree.Entries {
		switch {
		case e.Claimed():
			r.result.Stats.Files++
		case e.Explicit:
			r.Unread(source.Place{File: e.Path}, "it is none of the formats that are read: Dockerfile, Compose, Kubernetes YAML or JSON, Helm chart, Kustomization, archive or layout of images")
		case search:
			r.result.Stats.Searched++
		default:
			r.result.Stats.Skipped++
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.finish(plan, tree), nil
}

// judges reports whether a rule applies in this run: what only it would use need
// not be found out otherwise.
func (r *Rules) judges(id string) bool { return r.Adjust == nil || r.Adjust(&rule.Rule{ID: id}) }

// claim lets every collector take its inputs, in their order.
func claim(collectors []collect.Collector, tree *collect.Tree) []collect.Input {
	var inputs []collect.Input
	for _, c := range collectors {
		inputs = append(inputs, c.Claim(tree)...)
	}
	return inputs
}

// run is the sink of one scan: assets are judged as they arrive and forgotten.
type run struct {
	ctx    context.Context
	engine *rule.Engine
	images *images

	mu     sync.Mutex
	result finding.Result
	// dropped counts the findings beyond maxFindings.
	dropped int
	err     error // the first error of a rule, which ends the run
}

// read reads the inputs, as many at a time as there are processors.
func (r *run) read(inputs []collect.Input) {
	queue := make(chan collect.Input)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(len(inputs), 1)) {
		workers.Go(func() {
			for input := range queue {
				input.Read(r.ctx, r)
			}
		})
	}
	for _, input := range inputs {
		if r.ctx.Err() != nil {
			break
		}
		queue <- input
	}
	close(queue)
	workers.Wait()
}

// Asset implements collect.Sink. The containers of a pod are judged with it.
func (r *run) Asset(a asset.Asset) {
	if r.images.plan.Images.Named {
		r.images.note(a)
	}
	var found []finding.Finding
	keep := func(f finding.Finding) { found = append(found, f) }
	err := r.engine.Judge(r.ctx, a, keep)
	if pod, ok := a.(*asset.Pod); ok {
		for _, c := range pod.Containers {
			if err == nil {
				err = r.engine.Judge(r.ctx, c, keep)
			}
		}
		found = foldInherited(found)
	}
	if len(found) == 0 && err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	for _, f := range found {
		r.keep(f)
	}
}

// maxFindings bounds what one run keeps: more than anybody reads, and less than
// a hostile input needs to fill the memory.
const maxFindings = 100_000

func (r *run) keep(f finding.Finding) {
	switch {
	case len(r.result.Findings)+len(r.result.Undetermined) >= maxFindings:
		r.dropped++
	case f.Verdict == finding.Undetermined:
		r.result.Undetermined = append(r.result.Undetermined, f)
	default:
		r.result.Findings = append(r.result.Findings, f)
	}
}

// Unread implements collect.Sink.
func (r *run) Unread(place source.Place, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(finding.Unread(place, reason))
}

// Object implements collect.Sink.
func (r *run) Object(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Stats.Objects += n
}

// finish puts the result into its order, applies the user's choices and counts.
func (r *run) finish(plan Plan, tree *collect.Tree) *finding.Result {
	result := &r.result
	if r.dropped > 0 {
		result.Undetermined = append(result.Undetermined, finding.Unread(source.Place{File: strings.Join(plan.Targets, " ")},
			fmt.Sprintf("%d findings beyond the first %d are left out: scan smaller folders", r.dropped, maxFindings)))
	}
	result.Findings = foldScopes(finding.Sort(result.Findings))
	result.Undetermined = foldReasons(finding.Sort(result.Undetermined))
	result.Rules = r.engine.Tallies()
	result.Stats.Assets = r.engine.Assets()
	for _, t := range result.Rules {
		result.Stats.Checks += t.Judged
	}
	comments, notes := annotate(tree, result)
	slices.SortFunc(result.Advisories, func(a, b finding.Advisories) int { return cmp.Compare(a.Ecosystem, b.Ecosystem) })
	result.Advisories = slices.Compact(result.Advisories)
	slices.SortFunc(result.Notes, func(a, b finding.Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Message, b.Message))
	})
	result.Notes = slices.Concat(plan.Notes, result.Notes, notes)
	slices.SortFunc(result.Images, func(a, b finding.Image) int { return cmp.Compare(a.File, b.File) })
	slices.SortFunc(result.Inventories, func(a, b finding.Inventory) int { return cmp.Compare(a.Image.Name, b.Image.Name) })
	choices := plan.Choices
	choices.Ignores = append(slices.Clip(choices.Ignores), comments...)
	triage.Apply(result, choices, plan.Today)
	return result
}
