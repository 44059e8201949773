package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// Config is what to run. Its writer, poscloud/local/realnodes/config.py, knows Kubernetes; this program does not.
type Config struct {
	// ID names the cgroups: no two clusters of a machine may have the same.
	ID string `json:"id"`
	// Folder holds the control socket, the lock and the list of cgroups.
	Folder string `json:"folder"`
	// Keep is the folder that sandboxes write to, wherever it lies; of /var/lib they otherwise see a copy.
	Keep string `json:"keep"`
	// Listen is an address of the machine; what connects to it is connected to Forward in the first sandbox.
	Listen  string `json:"listen"`
	Forward string `json:"forward"`
	// Authority, Certificate and Key are the files that conditions of the kind https use.
	Authority   string `json:"authority"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Nodes       []Node `json:"nodes"`
}

// Node is one sandbox.
type Node struct {
	Name string `json:"name"`
	// Address is the node's own, with the length of its network: 10.200.0.1/24.
	Address string  `json:"address"`
	Routes  []Route `json:"routes"`
	// Binds are folders that the node sees at other places than the machine does.
	Binds      []Bind      `json:"binds"`
	Components []Component `json:"components"`
}

// Bind lays a folder over another place, which is made. If Shared, pods may propagate mounts in it to each other.
type Bind struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Shared bool   `json:"shared"`
}

// Route leads to the pods of another node.
type Route struct {
	To  string `json:"to"`
	Via string `json:"via"`
}

// Component is one supervised program of a node.
type Component struct {
	Name    string            `json:"name"`
	Command []string          `json:"command"`
	Env     map[string]string `json:"env"`
	Log     string            `json:"log"`
	// Needs are conditions that have to hold before it is started, Ready says that it is of use; see condition.go.
	Needs []string `json:"needs"`
	Ready string   `json:"ready"`
	// Last components end after all others, so that these can still write to them.
	Last bool `json:"last"`
}

func withConfig(path string, do func(*Config) error) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config Config
	if err := json.Unmarshal(content, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(config.Nodes) == 0 || config.ID == "" || config.Folder == "" {
		return fmt.Errorf("%s: needs id, folder and at least one node", path)
	}
	configFile = path
	return do(&config)
}

// configFile is where the configuration was read from; the sandboxes read it again.
var configFile string
