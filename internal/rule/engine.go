package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
)

// patience is how long the rules may take for one asset. Real assets take
// microseconds; this is for the ones that were built to take for ever.
const patience = 10 * time.Second

// largeAsset is the number of recorded fields, or of values, from which on an
// asset is given a deadline. Below it, even rules that compare everything with
// everything are done in milliseconds.
const largeAsset = 1000

// Engine judges assets. It loads the rules on a kind when the first asset of that
// kind arrives, and compiles each rule when it meets an asset that it has something
// to say of: what only judges built images, or ports, costs a scan of Dockerfiles
// without any nothing. It may be used by several goroutines at once.
type Engine struct {
	functions Functions
	load      func(asset.Kind) ([]Rule, error)
	kinds     sync.Map // asset.Kind to func() ([]*compiled, error)
	assets    atomic.Int64
}

type tally struct{ judged, failed, undetermined atomic.Int64 }

// NewEngine makes an engine. load returns the rules on a kind that apply in
// this run; it is called at most once for each.
func NewEngine(fn Functions, load func(asset.Kind) ([]Rule, error)) *Engine {
	return &Engine{functions: fn, load: load}
}

// rules returns the rules on a kind, loaded once.
func (e *Engine) rules(kind asset.Kind) ([]*compiled, error) {
	once, ok := e.kinds.Load(kind)
	if !ok {
		once, _ = e.kinds.LoadOrStore(kind, sync.OnceValues(func() ([]*compiled, error) { return e.open(kind) }))
	}
	return once.(func() ([]*compiled, error))()
}

func (e *Engine) open(kind asset.Kind) ([]*compiled, error) {
	rules, err := e.load(kind)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	c, err := newCompiler(kind, e.functions)
	if err != nil {
		return nil, err
	}
	out := make([]*compiled, len(rules))
	for i := range rules {
		if out[i], err = c.bind(&rules[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Judge puts one asset before every rule on its kind and hands each failure and
// each undetermined verdict to report. The error is one of the rules, not of
// the asset.
func (e *Engine) Judge(ctx context.Context, a asset.Asset, report func(finding.Finding)) error {
	rules, err := e.rules(a.Meta().Kind)
	if err != nil {
		return err
	}
	j := judgement{ctx: ctx, asset: a, report: report}
	j.vars.name = variable(a.Meta().Kind)
	applies := func(r *compiled) bool { return r.AppliesTo(a) }
	if !slices.ContainsFunc(rules, applies) {
		return nil
	}
	defer j.begin(e)()
	var missing []*compiled
	for _, r := range rules {
		if !r.ready.Load() && applies(r) && (r.each == nil || len(j.elements(r.each)) > 0) {
			missing = append(missing, r)
		}
	}
	if err := compileAll(missing); err != nil {
		return err
	}
	for _, r := range rules {
		if applies(r) {
			j.judge(r)
		}
	}
	return nil
}

// begin prepares what the rules that apply need. Only an asset that is
// large enough to keep a rule busy is given a deadline.
func (j *judgement) begin(e *Engine) (end func()) {
	e.assets.Add(1)
	end = func() {}
	size := len(j.asset.Meta().Fields)
	j.vars.asset = j.asset
	if object, ok := j.asset.(*asset.Object); ok {
		j.vars.asset = object.Content.Present()
		size = object.Content.Size
	}
	if size > largeAsset {
		j.ctx, end = context.WithTimeout(j.ctx, patience)
		j.timed = true
	}
	return end
}

// eval runs a program, under the deadline if the asset has one: watching a
// context costs more than most conditions do.
func (j *judgement) eval(program cel.Program, vars any) (ref.Val, error) {
	if j.timed {
		value, _, err := program.ContextEval(j.ctx, vars)
		return value, err
	}
	value, _, err := program.Eval(vars)
	return value, err
}

// Assets returns how many assets met at least one rule.
func (e *Engine) Assets() int { return int(e.assets.Load()) }

// Tallies returns the counts of every rule that judged something, by rule id.
func (e *Engine) Tallies() []finding.Tally {
	var out []finding.Tally
	e.kinds.Range(func(_, once any) bool {
		rules, _ := once.(func() ([]*compiled, error))()
		for _, r := range rules {
			if judged := r.tally.judged.Load(); judged > 0 {
				out = append(out, finding.Tally{Rule: r.ID, Judged: int(judged),
					Failed: int(r.tally.failed.Load()), Undetermined: int(r.tally.undetermined.Load())})
			}
		}
		return true
	})
	slices.SortFunc(out, func(a, b finding.Tally) int { return cmp.Compare(a.Rule, b.Rule) })
	return out
}

// variables is what an expression sees; it spares a map per evaluation.
type variables struct {
	name         string // of the asset
	asset        any
	each, parent any
}

func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case v.name:
		return v.asset, true
	case "each":
		return v.each, v.each != nil
	case "parent":
		return v.parent, v.parent != nil
	}
	return nil, false
}

func (v *variables) Parent() cel.Activation { return nil }

// judgement is one asset before the rules.
type judgement struct {
	ctx    context.Context
	timed  bool // ctx has a deadline
	asset  asset.Asset
	vars   variables
	report func(finding.Finding)
	// lists are the elements by path: many rules judge the same ones.
	lists []list
}

type list struct {
	of       *listPath
	elements []element
}

// judge applies one rule: once, or to each element. The tally counts assets, as
// a control does: it failed if any element did.
func (j *judgement) judge(r *compiled) {
	r.tally.judged.Add(1)
	j.vars.each, j.vars.parent = nil, nil
	verdict := finding.Pass
	if r.each == nil {
		verdict = j.once(r, nil)
	}
	for i, elements := 0, j.elements(r.each); i < len(elements); i++ {
		e := &elements[i]
		j.vars.each, j.vars.parent = e.value, e.parent
		switch j.once(r, e) {
		case finding.Fail:
			verdict = finding.Fail
		case finding.Undetermined:
			if verdict == finding.Pass {
				verdict = finding.Undetermined
			}
		}
	}
	switch verdict {
	case finding.Fail:
		r.tally.failed.Add(1)
	case finding.Undetermined:
		r.tally.undetermined.Add(1)
	}
}

func (j *judgement) elements(p *listPath) []element {
	if p == nil {
		return nil
	}
	for _, l := range j.lists {
		if l.of == p {
			return l.elements
		}
	}
	l := list{p, elements(j.vars.asset, p.steps)}
	j.lists = append(j.lists, l)
	return l.elements
}

func (j *judgement) once(r *compiled, e *element) finding.Verdict {
	failed, reason := j.decide(r, e)
	if reason == "" && !failed {
		return finding.Pass
	}
	f := j.finding(r, e)
	if reason != "" {
		f.Verdict, f.Reason, f.Message = finding.Undetermined, reason, r.Title+": could not be decided"
		j.report(f)
		return finding.Undetermined
	}
	f.Message = j.message(r)
	f.Severity = j.severity(r)
	j.report(f)
	return finding.Fail
}

// decide evaluates the condition. reason is why it could not be decided.
func (j *judgement) decide(r *compiled, e *element) (failed bool, reason string) {
	if unknown := j.asset.Meta().Unknown; len(unknown) > 0 {
		return j.decidePartly(r, e, unknown)
	}
	value, err := j.eval(r.program, &j.vars)
	if err != nil {
		return false, evaluationReason(err)
	}
	if value == types.True {
		return true, ""
	}
	if value != types.False {
		return false, fmt.Sprintf("the condition gave %v, not true or false", value.Type())
	}
	return false, ""
}

// decidePartly evaluates with some fields unknown: CEL finds out whether the
// verdict depends on one.
func (j *judgement) decidePartly(r *compiled, e *element, unknown []asset.Unknown) (failed bool, reason string) {
	program, err := r.partial()
	if err != nil {
		return false, err.Error()
	}
	var patterns []*cel.AttributePatternType
	for _, u := range unknown {
		patterns = append(patterns, unknownPattern(r, e, u.Path))
	}
	vars, err := cel.PartialVars(&j.vars, patterns...)
	if err != nil {
		return false, err.Error()
	}
	value, err := j.eval(program, vars)
	if err != nil {
		return false, evaluationReason(err)
	}
	if types.IsUnknown(value) {
		return false, unknownReason(unknown, value.(*types.Unknown))
	}
	return value == types.True, ""
}

// unknownPattern marks a field of the asset as unknown to CEL. Below a list the
// whole list is marked, but for the element that the rule is looking at.
func unknownPattern(r *compiled, e *element, path string) *cel.AttributePatternType {
	pattern := cel.AttributePattern(variable(r.On))
	if e != nil {
		if rest, ok := strings.CutPrefix(path, e.path()+"."); ok {
			pattern, path = cel.AttributePattern("each"), rest
		}
	}
	for _, field := range strings.Split(path, ".") {
		name, _, indexed := strings.Cut(field, "[")
		pattern = pattern.QualString(name)
		if indexed {
			break
		}
	}
	return pattern
}

// unknownReason gives the reasons of the fields that the verdict depends on.
func unknownReason(unknown []asset.Unknown, value *types.Unknown) string {
	depends := value.String()
	var reasons []string
	for _, u := range unknown {
		last := u.Path[strings.LastIndexByte(u.Path, '.')+1:]
		name, _, _ := strings.Cut(last, "[")
		if strings.Contains(depends, name) && !slices.Contains(reasons, u.Reason) {
			reasons = append(reasons, u.Reason)
		}
	}
	if len(reasons) == 0 {
		reasons = append(reasons, unknown[0].Reason)
	}
	return strings.Join(reasons, "; ")
}

func evaluationReason(err error) string {
	if strings.Contains(err.Error(), "interrupted") || strings.Contains(err.Error(), "deadline") {
		return fmt.Sprintf("the rule took longer than %s for this asset", patience)
	}
	return "the rule could not be evaluated: " + err.Error()
}

func (j *judgement) message(r *compiled) string {
	program, err := r.message()
	if err != nil {
		return r.Title
	}
	value, err := j.eval(program, &j.vars)
	if err != nil {
		return r.Title
	}
	if s, ok := value.Value().(string); ok {
		return s
	}
	return r.Title
}

// severity is what the rating says, or the rule's own.
func (j *judgement) severity(r *compiled) finding.Severity {
	if r.rating == nil {
		return r.Severity
	}
	program, err := r.rating()
	if err != nil {
		return r.Severity
	}
	value, err := j.eval(program, &j.vars)
	if err != nil {
		return r.Severity
	}
	name, _ := value.Value().(string)
	severity, err := finding.ParseSeverity(name)
	if err != nil {
		return r.Severity
	}
	return severity
}

func (j *judgement) finding(r *compiled, e *element) finding.Finding {
	meta := j.asset.Meta()
	field, key := r.At, r.At
	if e != nil {
		field, key = strings.TrimSuffix(e.path()+"."+r.At, "."), strings.TrimSuffix(e.name()+"."+r.At, ".")
	}
	place, _ := j.asset.Locate(field)
	_, fixable := r.Edits[string(meta.Format)]
	var layer *asset.Layer
	if in, ok := j.asset.(asset.Layered); ok && in.From().DiffID+in.From().Digest != "" {
		layer = in.From()
	}
	software, flaw := packageOf(j.asset, e)
	return finding.Finding{
		Layer: layer, Package: software, Vulnerability: flaw,
		Rule: r.ID, Title: r.Title, Severity: r.Severity, Verdict: finding.Fail, Topic: r.Topic,
		Asset: finding.Asset{Kind: string(meta.Kind), ID: meta.ID, Name: meta.Name,
			Format: string(meta.Format), Scope: meta.Scope, Place: meta.Place},
		Place: place, Field: field, Key: key,
		Why: r.Why, Fix: r.Fix, References: r.Refs,
		Fixable: fixable, Sensitive: r.Sensitive, Ignores: meta.Ignores,
	}
}

// packageOf returns the software that a finding is about, and the flaw where
// the element is one.
func packageOf(a asset.Asset, e *element) (*finding.Package, *finding.Vulnerability) {
	p, ok := a.(*asset.Package)
	if !ok {
		return nil, nil
	}
	software := &finding.Package{Name: p.Name, Version: p.Version, PURL: p.PURL, Source: p.Source, SourceVersion: p.SourceVersion, Update: p.Update}
	if e == nil {
		return software, nil
	}
	v, ok := e.value.(*asset.Vulnerability)
	if !ok {
		return software, nil
	}
	return software, &finding.Vulnerability{ID: v.ID, Aliases: v.Aliases, Summary: v.Summary, Fixed: v.Fixed, Score: v.Score, Vector: v.Vector, Basis: v.Basis,
		Tier: v.Tier, Symbols: v.Symbols, Exploited: v.Exploited, EPSS: v.EPSS, Malicious: v.Malicious, Published: v.Published, URL: v.URL}
}
