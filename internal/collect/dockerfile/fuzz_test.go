package dockerfile

import (
	"strings"
	"testing"

	"github.com/holdfast-sec/holdfast/internal/source"
)

// FuzzDockerfile reads anything: it must give an image whose places lie in the
// file, or a reason.
func FuzzDockerfile(f *testing.F) {
	for _, seed := range []string{
		"FROM alpine:3.22\nUSER app\n",
		"# syntax=docker/dockerfile:1\n# escape=`\nARG V=1\nFROM --platform=$BUILDPLATFORM a:${V:-2} AS b\nFROM b\n",
		"FROM a\r\nRUN one \\\r\n # no\r\n\r\n && sh -c 'two | three' > /x\r\n",
		"FROM a\nRUN <<A bash && b\n\tx $(y `z`)\nA\nCOPY --from=0 <<-\"B\" c /d\n\te\n\tB\n",
		"FROM a\nENV A=1 B=\"$A ${A//./_}\" C\\ d=e\nENV F g h\nARG I J=$A\nLABEL k='v'\n",
		"FROM a\nONBUILD RUN --mount=type=secret,id=x curl https://x | sudo bash -\nHEALTHCHECK --retries=1 CMD true || exit 1\n",
		"FROM a\nSHELL [\"bash\", \"-c\"]\nCMD [\"sh\", \"-c\", \"a; b\"]\nENTRYPOINT []\nEXPOSE 80-90/udp $X\nVOLUME [\"/a\"]\nWORKDIR b\n",
		"FROM a\nRUN if a; then b; fi; for x in $(c); do d <(e); done; case f in g) h;; esac; find . -exec i {} \\;\n",
		"\ufeffFROM scratch\nADD --checksum=sha256:0 https://x /y\nMAINTAINER z\nSTOPSIGNAL 9\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		img, err := readImage("Dockerfile", []byte(text))
		if err != nil {
			if err.Reason == "" || img != nil {
				t.Fatalf("no image and no reason: %+v", err)
			}
			return
		}
		last := max(len(splitLines([]byte(text))), 1)
		check := func(what string, p source.Place) {
			if p.File != "Dockerfile" || p.Line < 1 || p.Line > last || p.Column < 1 ||
				p.EndLine > last || p.EndLine != 0 && p.EndLine < p.Line ||
				p.EndLine == p.Line && p.EndColumn != 0 && p.EndColumn <= p.Column {
				t.Fatalf("%s is at %s to %d:%d of %d lines", what, p, p.EndLine, p.EndColumn, last)
			}
		}
		check("the image", img.Place)
		for _, field := range img.Fields {
			check(field.Path, field.Place)
		}
		for _, in := range img.Instructions {
			if in.Cmd == "" || strings.ToUpper(in.Cmd) != in.Cmd {
				t.Fatalf("instruction %q", in.Cmd)
			}
			for _, c := range in.Commands {
				if c.Text == "" {
					t.Fatalf("command %+v has no text", c)
				}
			}
		}
		if len(img.Stages) == 0 || !img.Stages[len(img.Stages)-1].Shipped {
			t.Fatal("the final stage is not shipped")
		}
	})
}
