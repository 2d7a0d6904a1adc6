package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/asset"
	"github.com/holdfast-sec/holdfast/internal/finding"
	"github.com/holdfast-sec/holdfast/internal/inspect/signature"
	"github.com/holdfast-sec/holdfast/internal/report/wording"
	"github.com/holdfast-sec/holdfast/internal/scan"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	policy   string
	platform string
	as       string
	record   bool
	json     bool
}

func newVerify(s *System) *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify --policy FILE [flags] IMAGE",
		Short: "Verify where an image comes from, by a policy of yours",
		Long: `Verify holds an image against a policy: who has to have signed it, how it has to
have been built, where it may come from. It prints what was verified, and what
was not.

An IMAGE is a reference in a registry, a folder with an OCI layout, or an
oci-archive; "PATH#TAG" is one of several in a layout. Nothing is asked over the
network but the registry of the image, with your Docker or Podman credentials.

Exit codes: 0 all that the policy asks for is met, 1 something is not, 2 wrong
arguments or policy, 3 nothing is unmet and something could not be decided.`,
		Example: "  holdfast verify --policy policy.yaml ghcr.io/acme/shop:1.2\n  holdfast verify --policy policy.yaml --record ghcr.io/acme/shop:1.2\n  holdfast verify --policy policy.yaml ./layout",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runVerify(cmd, s, &flags, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.policy, "policy", "", "the `FILE` that says whom you trust")
	f.StringVar(&flags.platform, "platform", "", "of an image for several platforms, also look at the one for `OS/ARCH`")
	f.StringVar(&flags.as, "as", "", "judge a layout or archive as the image `REFERENCE`, whatever it calls itself")
	f.BoolVar(&flags.record, "record", false, "write into the policy's lock file what the tag stands for, once all is met")
	f.BoolVar(&flags.json, "json", false, "print the result as JSON")
	return cmd
}

func runVerify(cmd *cobra.Command, s *System, flags *verifyFlags, target string) error {
	if flags.policy == "" {
		return errors.New("verifying needs to know whom you trust: name a policy with --policy")
	}
	policy, err := signature.Load(flags.policy)
	if err != nil {
		return err
	}
	if flags.record && policy.Lock == "" {
		return fmt.Errorf(`--record needs a lock file: add "lock: images.lock" to %s`, flags.policy)
	}
	img, err := scan.Verify(cmd.Context(), policy, target, flags.platform, flags.as)
	if err != nil {
		fmt.Fprintf(s.Stderr, "holdfast: %v\n", err)
		return exit(finding.ExitIncomplete)
	}
	code := verdict(&img.Build.Provenance)
	if flags.json {
		err = writeJSON(s.Stdout, img, code)
	} else {
		err = writeProvenance(s.Stdout, img, code)
	}
	if err != nil {
		return err
	}
	if code != finding.ExitClean {
		return exit(code)
	}
	if flags.record {
		return record(s, policy, img)
	}
	return nil
}

// verdict is the exit code: what is unmet outweighs what is undecided, as it is
// certain.
func verdict(p *asset.Provenance) int {
	code := finding.ExitClean
	for _, d := range p.Demands() {
		switch {
		case d.State == asset.Unmet:
			return finding.ExitFindings
		case d.State == asset.Undecided:
			code = finding.ExitIncomplete
		}
	}
	return code
}

func record(s *System, policy *signature.Policy, img *asset.Image) error {
	ref := signature.Tagged(img.Build.Ref)
	if ref == "" {
		return fmt.Errorf("recording %s: it is not named by a tag of a repository, and only those can move", img.Name)
	}
	digest := cmp.Or(img.Build.Provenance.Index, img.Build.Digest)
	if err := policy.Record(ref, digest); err != nil {
		return err
	}
	fmt.Fprintf(s.Stderr, "recorded in %s: %s is %s\n", policy.Lock, ref, digest)
	return nil
}

func writeJSON(w io.Writer, img *asset.Image, code int) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Image      string            `json:"image"`
		Digest     string            `json:"digest"`
		Verdict    string            `json:"verdict"`
		Provenance *asset.Provenance `json:"provenance"`
	}{img.Name, img.Build.Digest, verdictWord(code), &img.Build.Provenance})
}

func verdictWord(code int) string {
	return map[int]string{finding.ExitClean: "verified", finding.ExitFindings: "not verified", finding.ExitIncomplete: "undecided"}[code]
}

// demandNames are the demands in words.
var demandNames = map[string]string{
	"digest": "digest", "name": "name", "covered": "policy covers it", "registry": "registry", "tag": "tag", "signature": "signature",
	"build": "provenance", "builder": "builder", "source": "source", "sbom": "bill of materials", "base": "base image",
}

// writeProvenance prints the verdict, what is asked and what was found.
func writeProvenance(w io.Writer, img *asset.Image, code int) error {
	p := &img.Build.Provenance
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(wording.Line(strings.TrimRight(fmt.Sprintf(format, args...), " ")) + "\n")
	}
	line("%s: %s", img.Name, verdictWord(code))
	if p.Index != "" {
		line("  index  %s", p.Index)
	}
	if img.Build.Digest != "" {
		line("  image  %s", img.Build.Digest)
	}
	line("")
	line("asked for by %s (scope %s)", p.Policy, cmp.Or(p.Scope, "none"))
	for _, d := range p.Demands() {
		if d.State != "" {
			line("  %-9s  %-17s  %s", d.State, demandNames[d.Name], d.Reason)
		}
	}
	for _, sig := range p.Signatures {
		line("")
		line("signature (%s): %s", cmp.Or(sig.Kind, "unknown kind"), standing(sig))
		writeChecks(line, sig)
	}
	for _, a := range p.Attestations {
		line("")
		line("attestation %s: %s", cmp.Or(a.Type, "unknown"), standing(a.Signature))
		writeStatement(line, a)
		writeChecks(line, a.Signature)
	}
	line("")
	line("not checked: the layers' content; it follows from the digest when the image is pulled by it")
	_, err := io.WriteString(w, b.String())
	return err
}

func standing(s asset.Signature) string {
	switch {
	case s.Verified && s.Reason != "":
		return fmt.Sprintf("verified, %s: %s", s.Signer, s.Reason)
	case s.Verified:
		return "verified, " + s.Signer
	}
	return "not verified: " + s.Reason
}

func writeStatement(line func(string, ...any), a asset.Attestation) {
	said := "says"
	if !a.Signature.Verified {
		said = "claims"
	}
	for _, part := range []struct{ name, text string }{
		{"builder", a.Builder}, {"build type", a.BuildType},
		{"source", strings.Join(a.Sources[:min(len(a.Sources), 5)], ", ")}, {"base image", strings.Join(a.Bases[:min(len(a.Bases), 5)], ", ")},
	} {
		if part.text != "" {
			line("  %s %s: %s", said, part.name, part.text)
		}
	}
	if a.Packages > 0 {
		line("  %s packages: %d", said, a.Packages)
	}
}

func writeChecks(line func(string, ...any), s asset.Signature) {
	if s.Found != "" {
		line("  attached to %s (%s)", s.Subject, s.Found)
	}
	if s.Identity != "" {
		who := "claims to be by"
		if s.Verified {
			who = "by"
		}
		line("  %s %s, certified by %s", who, s.Identity, cmp.Or(s.Issuer, "nobody named"))
	}
	for _, c := range s.Checks {
		state := map[string]string{asset.Passed: "checked", asset.Failed: "FAILED", asset.Skipped: "not checked"}[c.State]
		line("  %-11s  %-11s  %s", state, c.Name, c.Detail)
	}
}
