package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/holdfast-sec/holdfast/internal/advisory"
	"github.com/holdfast-sec/holdfast/internal/advisory/fetch"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/triage"
)

// dbFlags are the flags of the commands on the advisory database.
type dbFlags struct {
	dir        string
	mirror     string
	key        string
	ecosystems []string
	replace    bool
	older      bool
}

func newDB(s *System) *cobra.Command {
	var flags dbFlags
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Fetch, import, export and look at advisories",
		Long: `The advisory database is a folder with one file for each ecosystem, made of
advisories in the OSV format, and two tables: what CISA lists as exploited (kev)
and how probable exploitation is (epss). Scans of images read it; only db update
uses the network.

The folder is the one of --db or HOLDFAST_DB, else holdfast/db in the user's
cache.`,
	}
	cmd.PersistentFlags().StringVar(&flags.dir, "db", "", "the folder of the database is `DIR`")
	cmd.AddCommand(newDBUpdate(s, &flags), newDBImport(s, &flags), newDBStatus(s, &flags), newDBExport(s, &flags))
	return cmd
}

func newDBUpdate(s *System, flags *dbFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update [flags] [ECOSYSTEM...]",
		Short: "Fetch what is new",
		Long: `Update fetches the advisories of the ecosystems, called as OSV calls them
(Debian, PyPI, Go, npm, ...), and the tables kev and epss. Without a name it
brings up to date what is installed; an empty database gets what most images are
made of: ` + strings.Join(fetch.Common(), ", ") + `.

What has not changed is not fetched again, and what broke off is resumed.
Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.`,
		Example: "  holdfast db update\n  holdfast db update Debian PyPI kev\n  holdfast db update --mirror https://mirror.example/osv",
		RunE:    func(cmd *cobra.Command, names []string) error { return updateDB(cmd.Context(), s, flags, names) },
	}
	cmd.Flags().StringVar(&flags.mirror, "mirror", "", "fetch from `URL`, which has ECOSYSTEM/all.zip below it")
	return cmd
}

func newDBImport(s *System, flags *dbFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import [flags] FILE...",
		Short: "Take advisories from files, without a network",
		Long: `Import takes archives of OSV (all.zip, or Go.zip and the like), single OSV
advisories, folders of both, the list of CISA, EPSS scores, and what
holdfast db export wrote. Advisories are added to those that are there.

An archive or folder that is called after an ecosystem is taken as all of that
one and nothing of others; of any other say with --ecosystem what it is of.`,
		Example: "  holdfast db import Debian.zip PyPI.zip epss_scores-current.csv.gz\n  holdfast db import --key team.pub advisories.hfdb",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, files []string) error { return importDB(cmd.Context(), s, flags, files) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.key, "key", "", "take only what is signed with the key that belongs to the public key in `FILE`")
	f.StringArrayVar(&flags.ecosystems, "ecosystem", nil, "take only this `ECOSYSTEM`, and as all of it; may be repeated")
	f.BoolVar(&flags.replace, "replace", false, "forget the advisories that are there on the same ecosystems")
	f.BoolVar(&flags.older, "older", false, "take exported files even if they are older than what is there")
	return cmd
}

func newDBStatus(s *System, flags *dbFlags) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show what the database holds, and how old it is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return statusDB(s, flags) },
	}
}

func newDBExport(s *System, flags *dbFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export [flags] FILE [ECOSYSTEM...]",
		Short: "Write the database into one file for networks without a way out",
		Long: `Export writes all of the database, or the ecosystems named, into one file that
holdfast db import takes. With a key the file is signed.

A pair of keys: openssl genpkey -algorithm ed25519 -out team.key
                openssl pkey -in team.key -pubout -out team.pub`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return exportDB(s, flags, args[0], args[1:]) },
	}
	cmd.Flags().StringVar(&flags.key, "key", "", "sign with the Ed25519 key in `FILE` (PKCS #8, PEM)")
	return cmd
}

// folder is the folder of the database.
func (f *dbFlags) folder(s *System) (string, error) {
	if f.dir != "" {
		return f.dir, nil
	}
	return advisory.DefaultDir(environment(s.Environ))
}

func updateDB(ctx context.Context, s *System, flags *dbFlags, names []string) error {
	dir, err := flags.folder(s)
	if err != nil {
		return err
	}
	if names, err = updateNames(s, dir, names, flags.mirror != ""); err != nil {
		return err
	}
	updater, err := fetch.New(dir, flags.mirror, time.Now())
	if err != nil {
		return err
	}
	line := newProgress(s.Stderr)
	updater.Progress = line.show
	var errs []error
	for _, name := range names {
		result, err := updater.Update(ctx, name)
		line.clear()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(s.Stdout, updated(&result))
		warnBroken(s.Stderr, result.Report)
	}
	if len(errs) > 0 {
		return joinLines(errs)
	}
	return nil
}

// updateNames are the ecosystems and tables to update.
func updateNames(s *System, dir string, names []string, mirror bool) ([]string, error) {
	known := append(advisory.Known(), advisory.KEV, advisory.EPSS)
	for _, name := range names {
		family, _ := advisory.Family(name)
		if slices.Contains(known, family) || mirror {
			continue
		}
		if near := triage.Nearest(family, known); near != "" {
			return nil, fmt.Errorf("OSV has no ecosystem %q: did you mean %s?", family, near)
		}
		return nil, fmt.Errorf("OSV has no ecosystem %q: it has %s", family, strings.Join(known, ", "))
	}
	if len(names) > 0 {
		return names, nil
	}
	store, err := advisory.Open(dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	for _, status := range store.Status() {
		if slices.Contains(known, status.Name) {
			names = append(names, status.Name)
		}
	}
	if len(names) == 0 {
		names = fetch.Common()
		fmt.Fprintf(s.Stderr, "the advisory database in %s is empty: it gets %s\n", dir, strings.Join(names, ", "))
	}
	return names, nil
}

// updated is the line on an update that was made.
func updated(r *fetch.Result) string {
	if r.Unchanged {
		return r.Name + ": nothing new"
	}
	text := fmt.Sprintf("%s: %s; %s fetched", r.Name, contents(&r.Report.Packs[0]), bytesText(r.Fetched))
	if r.Resumed > 0 {
		text += fmt.Sprintf(", %s were there", bytesText(r.Resumed))
	}
	if r.Verified == "" {
		return text + ", no checksum was given"
	}
	return text + ", " + r.Verified + " is right"
}

// contents says what a file of the database holds.
func contents(p *advisory.Imported) string {
	noun := "advisories"
	if p.Name == advisory.KEV || p.Name == advisory.EPSS {
		noun = "CVEs"
	}
	if p.Advisories == 1 {
		noun = map[string]string{"advisories": "advisory", "CVEs": "CVE"}[noun]
	}
	text := fmt.Sprintf("%d %s, data of %s", p.Advisories, noun, dayText(p.Date))
	if !p.Complete {
		text += ", partial"
	}
	return text
}

// warnBroken names the advisories that could not be read.
func warnBroken(w io.Writer, r *advisory.Report) {
	if r == nil {
		return
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(w, "left out: %v\n", problem)
	}
	if more := r.Broken - len(r.Problems); more > 0 {
		fmt.Fprintf(w, "left out: %d more\n", more)
	}
}

func importDB(ctx context.Context, s *System, flags *dbFlags, files []string) error {
	dir, err := flags.folder(s)
	if err != nil {
		return err
	}
	options := advisory.Options{Ecosystems: flags.ecosystems, Replace: flags.replace, Older: flags.older}
	if flags.key != "" {
		if options.Key, err = advisory.PublicKey(flags.key); err != nil {
			return err
		}
	}
	report, err := advisory.Install(ctx, dir, files, options)
	for i := range report.Packs {
		p := &report.Packs[i]
		fmt.Fprintf(s.Stdout, "%s: %s\n", p.Name, contents(p))
	}
	if err != nil {
		return err
	}
	warnBroken(s.Stderr, report)
	return nil
}

func statusDB(s *System, flags *dbFlags) error {
	dir, err := flags.folder(s)
	if err != nil {
		return err
	}
	store, err := advisory.Open(dir)
	if err != nil {
		return err
	}
	defer store.Close()
	all := store.Status()
	if len(all) == 0 {
		fmt.Fprintf(s.Stderr, "the advisory database in %s is empty: fill it with holdfast db update\n", dir)
		return nil
	}
	today, err := time.Parse(time.DateOnly, s.Today)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ECOSYSTEM\tADVISORIES\tDATA OF\tAGE\tSIZE\tSOURCE")
	for i := range all {
		writeStatus(w, &all[i], today)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return brokenFiles(s.Stderr, all)
}

func writeStatus(w io.Writer, status *advisory.Status, today time.Time) {
	if status.Err != nil {
		fmt.Fprintf(w, "%s\t-\t-\t-\t%s\tunreadable\n", status.Name, bytesText(status.Size))
		return
	}
	source := printable(status.Source)
	if !status.Complete {
		source += " (partial)"
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", status.Name, status.Advisories, dayText(status.Date), ageText(today, status.Date), bytesText(status.Size), source)
}

// brokenFiles tells of the files that cannot be read.
func brokenFiles(w io.Writer, all []advisory.Status) error {
	broken := false
	for _, status := range all {
		if status.Err != nil {
			fmt.Fprintf(w, "holdfast: %v\n", status.Err)
			broken = true
		}
	}
	if broken {
		return exit(finding.ExitIncomplete)
	}
	return nil
}

func exportDB(s *System, flags *dbFlags, file string, names []string) error {
	dir, err := flags.folder(s)
	if err != nil {
		return err
	}
	var written []string
	var write func(w io.Writer) error
	if flags.key == "" {
		write = func(w io.Writer) (err error) { written, err = advisory.Export(w, dir, names, nil); return err }
	} else {
		key, err := advisory.PrivateKey(flags.key)
		if err != nil {
			return err
		}
		write = func(w io.Writer) (err error) { written, err = advisory.Export(w, dir, names, key); return err }
	}
	if err := writeFile(file, 0o644, write); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		return err
	}
	signed := "not signed"
	if flags.key != "" {
		signed = "signed"
	}
	fmt.Fprintf(s.Stdout, "%s: %s; %s\n", file, strings.Join(written, ", "), signed)
	return nil
}

// dayText is a day, or that there is none.
func dayText(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.Format(time.DateOnly)
}

// ageText is how many days ago something was.
func ageText(today, then time.Time) string {
	days := int(today.Sub(then).Hours()+23.99) / 24
	switch {
	case then.IsZero():
		return "unknown"
	case days <= 0:
		return "today"
	case days == 1:
		return "1 day"
	}
	return fmt.Sprintf("%d days", days)
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// printable takes control characters out of a text that came with a file.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}

// progress is a line on the terminal that is written over and over.
type progress struct {
	w     io.Writer // nil is no terminal
	shown int64
	drawn bool
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: w}
	}
	return &progress{}
}

// show is called for each read; it draws for each half of a MiB.
func (p *progress) show(name string, done, total int64) {
	if p.w == nil || done-p.shown < 1<<19 && done >= p.shown && done != total {
		return
	}
	p.shown, p.drawn = done, true
	if total < 0 {
		fmt.Fprintf(p.w, "\r\x1b[K%s: %s", name, bytesText(done))
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s: %s of %s", name, bytesText(done), bytesText(total))
}

func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.shown, p.drawn = 0, false
}
