// A server that speaks MongoDB's wire protocol over SQLite files, started as mongod is: mongod --config FILE.
//
// Of mongod.conf it obeys net.port, net.bindIp and storage.dbPath, and says which settings it passes over.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
	"gopkg.in/yaml.v3"
)

const usage = "usage: mongod --config FILE"

func main() {
	logger := slog.New(quiet{slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelInfo})})
	if err := run(os.Args[1:], logger); err != nil {
		fmt.Fprintln(os.Stderr, "mongod:", err)
		os.Exit(1)
	}
}

// quiet passes over what is said whenever a probe connects and says nothing.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	if strings.HasPrefix(record.Message, "Failed to set deadline") {
		return nil
	}
	return q.Handler.Handle(ctx, record)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

func run(arguments []string, logger *slog.Logger) error {
	if len(arguments) == 1 && arguments[0] == "--version" {
		fmt.Println("db version v7.0.42 (FerretDB 1.24.2, SQLite)")
		return nil
	}
	if len(arguments) != 2 || (arguments[0] != "--config" && arguments[0] != "-f") {
		return errors.New(usage)
	}
	settings, err := read(arguments[1])
	if err != nil {
		return err
	}
	if settings["security.authorization"] == "enabled" {
		return fmt.Errorf("security.authorization: FerretDB on SQLite asks for no password; see docs/real-nodes.md")
	}
	address := net.JoinHostPort(take(settings, "net.bindIp", "127.0.0.1"), take(settings, "net.port", "27017"))
	folder := take(settings, "storage.dbPath", "/data/db")
	for _, name := range rest(settings) {
		logger.Warn("this setting has no effect here", "setting", name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: address},
		Logger:    logger,
		Handler:   "sqlite",
		SQLiteURL: "file:" + strings.TrimSuffix(folder, "/") + "/",
	})
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// read returns a configuration's settings by their dotted names.
func read(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	settings := map[string]string{}
	flatten("", tree, settings)
	return settings, nil
}

func flatten(prefix string, tree map[string]any, settings map[string]string) {
	for name, value := range tree {
		switch value := value.(type) {
		case map[string]any:
			flatten(prefix+name+".", value, settings)
		case int:
			settings[prefix+name] = strconv.Itoa(value)
		default:
			settings[prefix+name] = fmt.Sprint(value)
		}
	}
}

func take(settings map[string]string, name, otherwise string) string {
	value, given := settings[name]
	if !given {
		return otherwise
	}
	delete(settings, name)
	return value
}

func rest(settings map[string]string) []string {
	names := make([]string, 0, len(settings))
	for name := range settings {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
