package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// State is what is known about one component. Pid is the sandbox's own number within it, the machine's outside.
type State struct {
	Name     string  `json:"name"`
	Pid      int     `json:"pid"`
	State    string  `json:"state"` // waiting, starting, ready, failed
	Restarts int     `json:"restarts"`
	Since    float64 `json:"since"` // seconds since 1970, of the last start
	Message  string  `json:"message"`
	Log      string  `json:"log"`
}

type nodeStatus struct {
	Name       string  `json:"name"`
	Pid        int     `json:"pid"`
	Components []State `json:"components"`
}

// serveStatus answers every connection to the control socket with one JSON document.
func serveStatus(c *Config, sandboxes []*sandbox) (net.Listener, error) {
	var mutex sync.Mutex
	known := make([]map[string]State, len(sandboxes))
	for i, s := range sandboxes {
		known[i] = map[string]State{}
		go func() {
			lines := bufio.NewScanner(s.status)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				var state State
				if json.Unmarshal(lines.Bytes(), &state) == nil {
					mutex.Lock()
					known[i][state.Name] = state
					mutex.Unlock()
				}
			}
		}()
	}
	// A relative name: the whole path may be longer than a socket's address can be.
	if err := os.Chdir(c.Folder); err != nil {
		return nil, err
	}
	const name = "sandbox.sock"
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			answer := collect(sandboxes, known)
			mutex.Unlock()
			_ = json.NewEncoder(connection).Encode(map[string]any{"pid": os.Getpid(), "nodes": answer})
			connection.Close()
		}
	}()
	return listener, nil
}

func collect(sandboxes []*sandbox, known []map[string]State) []nodeStatus {
	answer := make([]nodeStatus, len(sandboxes))
	for i, s := range sandboxes {
		outside := outsideNumbers(s.groups)
		answer[i] = nodeStatus{s.node.Name, s.command.Process.Pid, []State{}}
		for _, component := range s.node.Components {
			state, ok := known[i][component.Name]
			if !ok {
				state = State{Name: component.Name, State: "waiting"}
			}
			state.Pid, state.Log = outside[state.Pid], component.Log
			answer[i].Components = append(answer[i].Components, state)
		}
	}
	return answer
}

// outsideNumbers maps process numbers inside a sandbox to the machine's. Supervised programs are in the node's own
// cgroup; pods are in those below it.
func outsideNumbers(g groups) map[int]int {
	numbers := map[int]int{}
	for _, folder := range g {
		for _, pid := range readNumbers(filepath.Join(folder, "cgroup.procs")) {
			content, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
			for _, line := range strings.Split(string(content), "\n") {
				// NSpid: the number in each namespace, ours first. A container's process has three.
				if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "NSpid:" {
					if inside, err := strconv.Atoi(fields[2]); err == nil {
						numbers[inside] = pid
					}
				}
			}
		}
	}
	return numbers
}
