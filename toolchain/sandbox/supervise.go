package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	poll        = 20 * time.Millisecond
	firstDelay  = 200 * time.Millisecond
	lastDelay   = 10 * time.Second
	provenAfter = 30 * time.Second // one that ran that long starts again at once
	// How long programs and pods may take to end after they were asked to.
	stopGrace = 1500 * time.Millisecond
)

// supervisor is what the first process of a sandbox does: starts the programs when what they need is there, starts
// them again when they end, and buries whoever has no other parent.
type supervisor struct {
	node   *Node
	look   *conditions
	status io.Writer
	logs   map[string]*rotating

	mutex    sync.Mutex
	waiting  map[int]chan syscall.WaitStatus
	running  map[string]int
	stopping bool
}

func newSupervisor(n *Node, look *conditions, status io.Writer) *supervisor {
	logs := map[string]*rotating{}
	for _, c := range n.Components {
		logs[c.Name] = &rotating{path: c.Log, limit: keepAt}
	}
	return &supervisor{
		node: n, look: look, status: status, logs: logs,
		waiting: map[int]chan syscall.WaitStatus{}, running: map[string]int{},
	}
}

func (s *supervisor) run() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go s.bury(children)
	for i := range s.node.Components {
		go s.supervise(&s.node.Components[i])
	}
	<-signals
	s.stop()
	drain(s.logs, drainFor)
	return nil // the kernel ends whatever is left in the sandbox
}

// bury waits for every child, our own and those that lost their parent.
func (s *supervisor) bury(children <-chan os.Signal) {
	for range children {
		for {
			var result syscall.WaitStatus
			// Under the lock: a child that ends at once must be known before it is buried.
			s.mutex.Lock()
			pid, err := syscall.Wait4(-1, &result, syscall.WNOHANG, nil)
			if pid > 0 && s.waiting[pid] != nil {
				s.waiting[pid] <- result
				delete(s.waiting, pid)
			}
			s.mutex.Unlock()
			if pid <= 0 && err != syscall.EINTR {
				break
			}
		}
	}
}

func (s *supervisor) supervise(c *Component) {
	state := State{Name: c.Name}
	delay := firstDelay
	for {
		s.awaitNeeds(c, &state)
		state.Since = float64(time.Now().UnixMilli()) / 1000
		pid, ended, err := s.start(c)
		if err != nil {
			state.Message = err.Error()
		} else {
			state.Pid, state.State, state.Message = pid, "starting", ""
			s.tell(&state)
			result := s.awaitEnd(c, &state, ended)
			state.Message = describe(result)
		}
		s.mutex.Lock()
		stopping := s.stopping
		s.mutex.Unlock()
		if stopping {
			return
		}
		if time.Since(time.UnixMilli(int64(state.Since*1000))) > provenAfter {
			delay = firstDelay
		}
		state.Pid, state.State = 0, "failed"
		state.Restarts++
		s.tell(&state)
		fmt.Fprintf(os.Stderr, "%s: %s: %s; starting it again in %s\n", s.node.Name, c.Name, state.Message, delay)
		time.Sleep(delay)
		delay = min(2*delay, lastDelay)
	}
}

func (s *supervisor) awaitNeeds(c *Component, state *State) {
	for _, need := range c.Needs {
		for {
			err := s.look.holds(need)
			if err == nil {
				break
			}
			if message := "waits for " + need; state.Message != message {
				state.State, state.Message = "waiting", message
				s.tell(state)
			}
			time.Sleep(poll)
		}
	}
}

// awaitEnd returns how a program ended; on the way it tells when the program has become ready.
func (s *supervisor) awaitEnd(c *Component, state *State, ended <-chan syscall.WaitStatus) syscall.WaitStatus {
	for c.Ready != "" {
		select {
		case result := <-ended:
			return result
		case <-time.After(poll):
		}
		if s.look.holds(c.Ready) == nil {
			break
		}
	}
	state.State = "ready"
	s.tell(state)
	return <-ended
}

func (s *supervisor) start(c *Component) (int, <-chan syscall.WaitStatus, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.stopping {
		return 0, nil, fmt.Errorf("the node is stopping")
	}
	// Not before: at the end somebody waits for all pipes, and no further one may come.
	log, err := s.logs[c.Name].pipe()
	if err != nil {
		return 0, nil, err
	}
	defer log.Close()
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer nothing.Close()
	env := make([]string, 0, len(c.Env))
	for name, value := range c.Env {
		env = append(env, name+"="+value)
	}
	sort.Strings(env)
	// Several of these programs look at their own name to know what they are; each is called what it is here.
	arguments := append([]string{c.Command[0]}, c.Command[1:]...)
	if filepath.Base(c.Command[0]) != c.Name {
		arguments[0] = c.Name
	}
	pid, err := syscall.ForkExec(c.Command[0], arguments, &syscall.ProcAttr{
		Dir: "/", Env: env, Files: []uintptr{nothing.Fd(), log.Fd(), log.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", c.Command[0], err)
	}
	ended := make(chan syscall.WaitStatus, 1)
	s.waiting[pid], s.running[c.Name] = ended, pid
	return pid, ended, nil
}

func (s *supervisor) tell(state *State) {
	line, _ := json.Marshal(state)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, _ = s.status.Write(append(line, '\n'))
}

func describe(result syscall.WaitStatus) string {
	if result.Signaled() {
		return fmt.Sprintf("killed by signal %d (%s)", result.Signal(), result.Signal())
	}
	return fmt.Sprintf("ended with code %d", result.ExitStatus())
}

// stop ends everything: first, by force, what would start pods again; then pods and the rest are asked to end, so that
// a database can close its files; what they write to, last.
func (s *supervisor) stop() {
	s.mutex.Lock()
	s.stopping = true
	kept := map[int]bool{1: true}
	for _, c := range s.node.Components {
		pid, ok := s.running[c.Name]
		switch {
		case !ok:
		case c.Last:
			kept[pid] = true
		default:
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	s.mutex.Unlock()
	deadline := time.Now().Add(stopGrace)
	asked := map[int]bool{}
	for time.Now().Before(deadline) {
		left := 0
		for pid, name := range processNames() {
			// These two do not end by themselves: one waits for the container runtime, the other holds a pod's network.
			if kept[pid] || strings.HasPrefix(name, "containerd-shim") || name == "pause" {
				continue
			}
			left++
			if !asked[pid] {
				asked[pid] = true
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		if left == 0 {
			break
		}
		time.Sleep(poll)
	}
	for pid := range kept {
		if pid != 1 {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	for end := time.Now().Add(stopGrace / 2); time.Now().Before(end); time.Sleep(poll) {
		names := processNames()
		left := 0
		for pid := range kept {
			if _, ok := names[pid]; ok && pid != 1 {
				left++
			}
		}
		if left == 0 {
			return
		}
	}
}

// processNames are all processes of the sandbox that run, with the names the kernel shows.
func processNames() map[int]string {
	found := map[int]string{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		var pid int
		if _, err := fmt.Sscanf(entry.Name(), "%d", &pid); err != nil {
			continue
		}
		content, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(content), "(")
		end := strings.LastIndex(rest, ") ")
		if end < 0 || rest[end+2] == 'Z' || rest[end+2] == 'X' {
			continue
		}
		found[pid] = rest[:end]
	}
	return found
}
