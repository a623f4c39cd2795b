package main

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/kcompress/kcompress/fit"
	"github.com/kcompress/kcompress/fit/report"
)

const (
	cliPage          = "../../docs/cli.md"
	jsonPage         = "../../docs/json.md"
	dependenciesPage = "../../docs/dependencies.md"
	generatedFrom    = "<!-- From here on generated: UPDATE_DOCS=1 go test -run CLIPage ./cmd/kcompress -->\n"
)

// TestCLIPageIsCurrent compares docs/cli.md with what the commands say of
// themselves. With UPDATE_DOCS=1 the page is written anew.
func TestCLIPageIsCurrent(t *testing.T) {
	page, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	preface, _, ok := strings.Cut(string(page), generatedFrom)
	if !ok {
		t.Fatalf("%s has no line %q", cliPage, generatedFrom)
	}
	want := preface + generatedFrom + describeCommands()
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(cliPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("%s is not current; go generate ./cmd/kcompress (-want +got):\n%s", cliPage, diff)
	}
}

// describeCommands writes a section for each command.
func describeCommands() string {
	var b strings.Builder
	for _, cmd := range newRoot(newConsole(nil, &bytes.Buffer{}, &bytes.Buffer{})).Commands() {
		if cmd.Hidden || cmd.Name() == "help" {
			continue
		}
		description := cmd.Long
		if description == "" {
			description = cmd.Short + "."
		}
		fmt.Fprintf(&b, "\n## %s\n\n    kcompress %s\n\n%s\n", cmd.Name(), cmd.Use, strings.TrimSpace(description))
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n```\n%s\n```\n", strings.ReplaceAll(cmd.Example, "  kcompress", "kcompress"))
		}
		fmt.Fprintf(&b, "\nFlags:\n\n```\n%s```\n", flagText(cmd))
	}
	return b.String()
}

func flagText(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	return cmd.Flags().FlagUsages()
}

// TestJSONPageIsComplete compares the tables of docs/json.md with the types
// that the commands print: every key, its type, and no others.
func TestJSONPageIsComplete(t *testing.T) {
	page, err := os.ReadFile(jsonPage)
	if err != nil {
		t.Fatal(err)
	}
	documented := documentedKeys(string(page))
	for command, value := range map[string]any{
		"inspect": inspection{}, "fit": report.Report{}, "run": runResult{}, "eval": evalResult{},
		"bench": benchResult{}, "bench --profile": profileResult{}, "kernels": kernelsResult{}, "apply": fit.Applied{}, "test": testResult{},
	} {
		printed := map[string]string{}
		addKeys(printed, "", reflect.TypeOf(value))
		if diff := cmp.Diff(printed, documented[command]); diff != "" {
			t.Errorf("%s, section %s (-printed +documented):\n%s", jsonPage, command, diff)
		}
	}
}

// documentedKeys returns the type of each key for each section of the page, from
// rows such as "| `layers[].name` | string | ... |".
func documentedKeys(page string) map[string]map[string]string {
	row := regexp.MustCompile("^\\| `([^`]+)` \\| (\\w+) \\|")
	keys := map[string]map[string]string{}
	section := ""
	for line := range strings.Lines(page) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(name)
			keys[section] = map[string]string{}
		}
		if m := row.FindStringSubmatch(line); m != nil {
			keys[section][m[1]] = m[2]
		}
	}
	return keys
}

// addKeys adds the keys under which a type is printed, with their JSON types.
func addKeys(keys map[string]string, path string, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		addKeys(keys, path, t.Elem())
	case reflect.Slice:
		keys[path] = "array"
		if e := t.Elem(); e.Kind() == reflect.Struct {
			addFields(keys, path+"[].", e)
		}
	case reflect.Struct:
		if path != "" {
			keys[path] = "object"
			path += "."
		}
		addFields(keys, path, t)
	case reflect.Map:
		keys[path] = "object"
	case reflect.String:
		keys[path] = "string"
	case reflect.Bool:
		keys[path] = "boolean"
	case reflect.Float64, reflect.Float32:
		keys[path] = "number"
	default:
		keys[path] = "integer"
	}
}

func addFields(keys map[string]string, prefix string, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			addFields(keys, prefix, f.Type)
		default:
			addKeys(keys, prefix+name, f.Type)
		}
	}
}

// TestDependenciesHaveReasons compares docs/dependencies.md with the modules
// that the code imports.
func TestDependenciesHaveReasons(t *testing.T) {
	page, err := os.ReadFile(dependenciesPage)
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(documented)
	if diff := cmp.Diff(importedModules(t), documented); diff != "" {
		t.Errorf("%s (-imported +documented):\n%s", dependenciesPage, diff)
	}
}

// importedModules returns the modules of go.mod that a file of this module
// imports.
func importedModules(t *testing.T) []string {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var modules, imported []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		modules = append(modules, m[1])
	}
	imports := importPaths(t)
	for _, module := range modules {
		if slices.ContainsFunc(imports, func(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }) {
			imported = append(imported, module)
		}
	}
	slices.Sort(imported)
	return imported
}

// importPaths returns what the files of this module import.
func importPaths(t *testing.T) []string {
	var paths []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), "_") || d.Name() == ".git"):
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			paths = append(paths, strings.Trim(i.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
