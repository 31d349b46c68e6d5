// Command conformance is the Go client as the tests of all clients call it: a result is one line of
// JSON on stdout, an error of Argosy ends with code 3 and one line that names it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"

	argosy "example.com/argosy/clients/go"
)

const usage = `conformance <command> …  (ARGOSY_SERVER and ARGOSY_PROJECT say where)
  save <name> <format> <input> [--alias a] [--version v]
  load <name> <output> [--alias a] [--version v]
  upload <name> <file>
  download <name> <file>
  watch <name> <count> [--cursor c]
  alias <name> <version> <alias>
  list [--name n]
  vectors <testdata directory>`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		stop()
		os.Exit(report(err))
	}
}

// command is one call of the program.
type command struct {
	client    *argosy.Client
	arguments []string
	flags     map[string]*string
}

func run(ctx context.Context, arguments []string) error {
	commands := map[string]struct {
		wanted int
		run    func(context.Context, *command) error
	}{
		"save": {3, save}, "load": {2, load}, "upload": {2, upload}, "download": {2, download},
		"watch": {2, watch}, "alias": {3, alias}, "list": {0, list},
	}
	if len(arguments) == 2 && arguments[0] == "vectors" {
		return vectors(ctx, arguments[1])
	}
	if len(arguments) == 0 {
		return errors.New(usage)
	}
	called, ok := commands[arguments[0]]
	if !ok || len(arguments)-1 < called.wanted {
		return errors.New(usage)
	}
	c := &command{arguments: arguments[1 : 1+called.wanted], flags: map[string]*string{}}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	for _, name := range []string{"alias", "version", "cursor", "name"} {
		c.flags[name] = flags.String(name, "", "see the usage")
	}
	if err := flags.Parse(arguments[1+called.wanted:]); err != nil {
		return err
	}
	var err error
	if c.client, err = argosy.Connect(ctx); err != nil {
		return err
	}
	defer func() { _ = c.client.Close() }()
	return called.run(ctx, c)
}

// chosen is what --alias and --version say, as a Selection or a SaveOption.
func chosen[Option any](c *command) []Option {
	var options []Option
	if alias := *c.flags["alias"]; alias != "" {
		options = append(options, any(argosy.Alias(alias)).(Option))
	}
	if version := *c.flags["version"]; version != "" {
		options = append(options, any(argosy.Version(version)).(Option))
	}
	return options
}

func watch(ctx context.Context, c *command) error {
	count, err := strconv.Atoi(c.arguments[1])
	if err != nil {
		return fmt.Errorf("%q is no number of events", c.arguments[1])
	}
	events, err := c.client.Watch(ctx, c.arguments[0], argosy.Cursor(*c.flags["cursor"]))
	if err != nil {
		return err
	}
	defer events.Close()
	fmt.Fprintf(os.Stderr, `{"watching": %q}`+"\n", events.Cursor())
	for range count {
		event, err := events.Next()
		if err != nil {
			return err
		}
		kind := strings.TrimPrefix(event.GetKind().String(), "ARTIFACT_EVENT_KIND_")
		if err := tell(map[string]any{
			"kind": strings.ToLower(kind), "version": event.GetVersion(), "alias": event.GetAlias(), "cursor": event.Cursor,
		}); err != nil {
			return err
		}
	}
	return nil
}

func alias(ctx context.Context, c *command) error {
	version, err := c.client.SetAlias(ctx, c.arguments[0], argosy.Alias(c.arguments[2]), argosy.Version(c.arguments[1]))
	if err != nil {
		return err
	}
	return tell(map[string]any{"version": version.GetVersion(), "id": version.GetId(), "aliases": version.GetAliases()})
}

func list(ctx context.Context, c *command) error {
	if name := *c.flags["name"]; name != "" {
		versions := []string{}
		for version, err := range c.client.Versions(ctx, name) {
			if err != nil {
				return err
			}
			versions = append(versions, version.GetVersion())
		}
		return tell(map[string]any{"versions": versions})
	}
	names := []string{}
	for summary, err := range c.client.List(ctx, "") {
		if err != nil {
			return err
		}
		names = append(names, summary.GetName())
	}
	return tell(map[string]any{"names": names})
}

func tell(result map[string]any) error { return json.NewEncoder(os.Stdout).Encode(result) }

// report tells an error as the tests want it and returns the exit code.
func report(err error) int {
	name := nameOf(err)
	if name == "" {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := tell(map[string]any{"error": name, "message": err.Error()}); err != nil {
		return 1
	}
	return 3
}

// nameOf is the reason of an error of Argosy, or the name of its type.
func nameOf(err error) string {
	var refused *argosy.Error
	var format *argosy.FormatError
	var setting *argosy.SettingError
	var revision *argosy.RevisionError
	switch {
	case errors.As(err, &refused) && refused.Reason != "":
		return string(refused.Reason)
	case errors.As(err, &refused):
		return strings.ToUpper(refused.Code.String())
	case errors.Is(err, argosy.ErrCorrupt):
		return "CORRUPT"
	case errors.As(err, &format):
		return "FormatError"
	case errors.As(err, &setting):
		return "SettingError"
	case errors.As(err, &revision):
		return "RevisionError"
	default:
		return ""
	}
}
