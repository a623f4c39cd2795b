package main

import "github.com/spf13/cobra"

// addCompletion adds the command that prints completion scripts for shells.
// Cobra writes them; an unknown shell is a mistake here, where cobra would
// print its help and succeed.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, sub := range root.Commands() {
		if sub.Name() != "completion" {
			continue
		}
		sub.Args = rejectArguments
		sub.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

// completeValues offers the fixed values of a flag.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag exists and is registered once
	}
}

// completeFiles offers files with these extensions for arguments.
func completeFiles(cmd *cobra.Command, extensions ...string) {
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeFolders offers folders for arguments.
func completeFolders(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}
