package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// How long the nodes may take to end by themselves before they are ended by force.
const grace = 4 * time.Second

// Descriptors that a node's first process inherits.
const (
	goDescriptor     = 3 // one byte: the cgroups and the network are ready
	statusDescriptor = 4 // one JSON line for each change of a component
	listenDescriptor = 5 // the machine's port; the first node only
)

// sandbox is one running node, seen from outside.
type sandbox struct {
	node    *Node
	groups  groups
	command *exec.Cmd
	start   *os.File // written to when everything is ready for it
	status  *os.File
}

// run makes the sandboxes and stays until a signal comes or one of them ends. Whichever way this process ends,
// the kernel ends the first process of each sandbox with it, and with that one everything in the sandbox.
func run(c *Config) error {
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return err
	}
	lock, err := claim(c)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := removeLeftovers(c); err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	found, err := hierarchies()
	if err != nil {
		return err
	}
	all := allGroups(c, found)
	if err := remember(c, all); err != nil {
		return err
	}
	defer func() {
		if err := removeLeftovers(c); err != nil {
			fmt.Fprintln(os.Stderr, "sandbox:", err)
		}
	}()
	sandboxes, err := startAll(c, all, listener.(*net.TCPListener))
	ended := make(chan string, len(sandboxes))
	for _, s := range sandboxes {
		go func() {
			failure := s.command.Wait()
			ended <- fmt.Sprintf("the sandbox of %s ended: %v", s.node.Name, failure)
		}()
	}
	defer func() { stopAll(sandboxes, ended) }()
	if err != nil {
		return err
	}
	control, err := serveStatus(c, sandboxes)
	if err != nil {
		return err
	}
	defer control.Close()
	for _, s := range sandboxes {
		if _, err := s.start.Write([]byte{1}); err != nil {
			return err
		}
	}
	select {
	case <-signals:
		return nil
	case reason := <-ended:
		ended <- reason // stopAll counts it
		return errors.New(reason)
	}
}

// claim holds a lock for as long as this process lives: two runs of one cluster cannot be.
func claim(c *Config) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(c.Folder, "sandbox.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// An earlier run may be about to end.
	deadline := time.Now().Add(2 * grace)
	for {
		if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return lock, nil
		}
		if time.Now().After(deadline) {
			lock.Close()
			return nil, fmt.Errorf("another run holds %s", lock.Name())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// clean removes what a killed run left. A run that is alive is left alone: that is an error.
func clean(c *Config) error {
	if _, err := os.Stat(c.Folder); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := claim(c)
	if err != nil {
		return err
	}
	defer lock.Close()
	return removeLeftovers(c)
}

func startAll(c *Config, all []groups, listener *net.TCPListener) ([]*sandbox, error) {
	inherited, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer inherited.Close()
	var sandboxes []*sandbox
	var pids []int
	for i := range c.Nodes {
		if err := all[i].make(); err != nil {
			return sandboxes, err
		}
		var extra []*os.File
		if i == 0 {
			extra = append(extra, inherited)
		}
		s, err := startOne(&c.Nodes[i], i, all[i], extra)
		if err != nil {
			return sandboxes, fmt.Errorf("sandbox of %s: %w", c.Nodes[i].Name, err)
		}
		sandboxes = append(sandboxes, s)
		pids = append(pids, s.command.Process.Pid)
		if err := all[i].enter(s.command.Process.Pid); err != nil {
			return sandboxes, err
		}
	}
	return sandboxes, connect(c, pids)
}

func startOne(node *Node, number int, g groups, extra []*os.File) (*sandbox, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	startRead, startWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer startRead.Close()
	statusRead, statusWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer statusWrite.Close()
	command := exec.Command(program, "stage", "--config="+configFile, "--node="+strconv.Itoa(number))
	command.Args[0] = innerName
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.ExtraFiles = append([]*os.File{startRead, statusWrite}, extra...)
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS |
			syscall.CLONE_NEWIPC,
		Pdeathsig: syscall.SIGKILL,
		Setsid:    true,
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &sandbox{node, g, command, startWrite, statusRead}, nil
}

// stopAll asks every sandbox to end, and ends it by force when it does not in time. It returns when all have ended,
// and a sandbox has ended only when every process in it has.
func stopAll(sandboxes []*sandbox, ended <-chan string) {
	for _, s := range sandboxes {
		s.start.Close() // one that still waits for its start ends
		_ = s.command.Process.Signal(syscall.SIGTERM)
	}
	late := time.After(grace)
	for left := len(sandboxes); left > 0; {
		select {
		case <-ended:
			left--
		case <-late:
			for _, s := range sandboxes {
				_ = s.command.Process.Kill()
			}
		}
	}
}
