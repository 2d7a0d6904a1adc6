package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/holdfast-sec/holdfast/internal/advisory"
	"github.com/holdfast-sec/holdfast/internal/collect/image"
	"github.com/holdfast-sec/holdfast/internal/config"
	"github.com/holdfast-sec/holdfast/internal/inspect/signature"
	"github.com/holdfast-sec/holdfast/internal/scan"
)

func newScanImage(s *System) *cobra.Command {
	var flags scanFlags
	cmd := &cobra.Command{
		Use:   "image [flags] IMAGE...",
		Short: "Judge images: what is in them, what is wrong with it, where it came from",
		Long: `Scan image reads images once, layer by layer and newest first, and reports their
vulnerabilities, secrets, malware, ballast, configuration and provenance. What
an earlier layer holds and a later one deletes is still in the image, and told.

An IMAGE is a reference, which is looked for in the engines of this machine and
then in its registry, or the path of an archive (docker save, skopeo) or of an
OCI layout. The registry is asked with your Docker or Podman credentials.

Vulnerabilities are judged by the advisories that "holdfast db" keeps. Packages
that none of them are about are undetermined (exit code 3), and never clean.`,
		Example: "  holdfast scan image nginx:1.27\n  holdfast scan image --from docker --only-fixed app:ci\n  holdfast scan image --fail-on high -o cyclonedx=sbom.json app.tar",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, targets []string) error {
			for _, target := range targets {
				if err := image.Check(target); err != nil {
					return err
				}
			}
			flags.images = targets
			return runScan(cmd, s, &flags, nil)
		},
	}
	addSettings(cmd, "values", "set", "kube-version", "api-versions", "compose-file", "exclude")
	addReportFlags(cmd, &flags)
	return cmd
}

// newImages says how images are read and judged.
func newImages(s *System, c *config.Config) (scan.Images, error) {
	platform, err := image.ParsePlatform(c.Image.Platform, runtime.GOARCH)
	if err != nil {
		return scan.Images{}, err
	}
	env := environment(s.Environ)
	dir := c.DB.Dir
	if dir == "" {
		if dir, err = advisory.DefaultDir(env); err != nil {
			return scan.Images{}, err
		}
	}
	store, err := advisory.Open(dir)
	if err != nil {
		return scan.Images{}, fmt.Errorf("opening the advisories in %s: %w", dir, err)
	}
	var policy *signature.Policy
	if c.Image.Policy != "" {
		if policy, err = signature.Load(c.Image.Policy); err != nil {
			return scan.Images{}, err
		}
	}
	return scan.Images{Begin: s.BeforeImages, From: image.Source(c.Image.From), Platform: platform, Asked: c.Image.Platform != "", Env: env, Bases: c.Image.Base,
		Advisories: store, MaxAge: c.DB.MaxAge, Policy: policy}, nil
}
