// Command sandbox runs whole Kubernetes nodes in private namespaces of this machine: what they mount, route, listen
// on and write to /proc/sys is seen by nobody else, and all of it ends with this program's own process.
//
//	sandbox run --config=FILE      makes the sandboxes and stays until it is asked to end
//	sandbox clean --config=FILE    removes what a killed run left: processes, cgroups
//	sandbox registry --layout=DIR --table=FILE --listen=ADDRESS
//	                               serves images from an OCI image layout, to the nodes
//
// "stage" and "node" are what run starts for each node; nobody else calls them.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
)

func init() {
	// The kernel ends a child with the *thread* that made it (Pdeathsig). The main thread lives as long as the process.
	runtime.LockOSThread()
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("expected one of: run, clean, registry"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	config := flags.String("config", "", "the configuration, a JSON file")
	number := flags.Int("node", 0, "which node of the configuration, from 0")
	layout := flags.String("layout", "", "folder of the OCI image layout")
	table := flags.String("table", "", "JSON file: which names are which image of the layout")
	listen := flags.String("listen", "", "address to listen on")
	flags.String("digest", "", "not used: makes command lines of different configurations differ")
	_ = flags.Parse(os.Args[2:])
	var err error
	switch os.Args[1] {
	case "run":
		err = withConfig(*config, run)
	case "clean":
		err = withConfig(*config, clean)
	case "stage":
		err = stage(*config, *number)
	case "node":
		err = withConfig(*config, func(c *Config) error { return node(c, &c.Nodes[*number], *number) })
	case "registry":
		err = serveRegistry(*listen, *layout, *table)
	default:
		err = fmt.Errorf("unknown command %q; known: run, clean, registry", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "sandbox:", err)
	os.Exit(1)
}
