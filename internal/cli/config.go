package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newConfig(s *System) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show the settings"}
	show := &cobra.Command{
		Use: "show", Short: "Show every setting and where its value comes from", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return showConfig(cmd, s) },
	}
	addSettings(show)
	cmd.AddCommand(show)
	return cmd
}

func showConfig(cmd *cobra.Command, s *System) error {
	c, err := loadConfig(cmd, s)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	for _, setting := range c.Origins() {
		value := setting.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", setting.Key, value, setting.Origin)
	}
	return w.Flush()
}
