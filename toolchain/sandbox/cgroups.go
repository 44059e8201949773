package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hierarchy is one mounted cgroup v1 hierarchy and this process's place in it.
type hierarchy struct {
	// Name is what the hierarchy's folder is called: cpu, memory, systemd, …
	Name string
	// Options mount it again: its controllers, or name=….
	Options string
	// Own is the folder of this process's own cgroup.
	Own string
}

// hierarchies finds every version 1 hierarchy of this machine.
func hierarchies() ([]hierarchy, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	found := parseHierarchies(string(own), string(mounts))
	if len(found) == 0 {
		return nil, errors.New("this machine has no cgroup v1 hierarchy mounted")
	}
	return found, nil
}

func parseHierarchies(own, mounts string) []hierarchy {
	places := map[string]string{} // controllers → path
	for _, line := range strings.Split(own, "\n") {
		if parts := strings.SplitN(line, ":", 3); len(parts) == 3 && parts[1] != "" {
			places[parts[1]] = parts[2]
		}
	}
	seen := map[string]bool{}
	var found []hierarchy
	for _, line := range strings.Split(mounts, "\n") {
		left, right, ok := strings.Cut(line, " - ")
		before, after := strings.Fields(left), strings.Fields(right)
		if !ok || len(before) < 5 || len(after) < 3 || after[0] != "cgroup" {
			continue
		}
		root, point := before[3], before[4]
		for controllers, path := range places {
			if seen[controllers] || !sameControllers(controllers, after[2]) {
				continue
			}
			relative, err := filepath.Rel(root, path)
			if err != nil || strings.HasPrefix(relative, "..") {
				continue
			}
			seen[controllers] = true
			found = append(found, hierarchy{filepath.Base(point), controllers, filepath.Join(point, relative)})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return found
}

// sameControllers compares "cpu,cpuacct" of /proc/self/cgroup with the mount's options "rw,cpu,cpuacct".
func sameControllers(controllers, options string) bool {
	has := map[string]bool{}
	for _, option := range strings.Split(options, ",") {
		has[option] = true
	}
	for _, controller := range strings.Split(controllers, ",") {
		if !has[controller] {
			return false
		}
	}
	return true
}

// groups are the cgroups of one node, one in each hierarchy.
type groups []string

// allGroups names the cgroups of every node, without making them.
func allGroups(c *Config, found []hierarchy) []groups {
	all := make([]groups, len(c.Nodes))
	for i := range c.Nodes {
		for _, h := range found {
			all[i] = append(all[i], filepath.Join(h.Own, fmt.Sprintf("poscloud-%s-n%d", c.ID, i+1)))
		}
	}
	return all
}

func (g groups) make() error {
	for _, folder := range g {
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		// A new cpuset has neither processors nor memory, and no process can enter it.
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			content, err := os.ReadFile(filepath.Join(filepath.Dir(folder), name))
			if err != nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(folder, name), content, 0); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, "cgroup.clone_children"), []byte("1"), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g groups) enter(pid int) error {
	for _, folder := range g {
		if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return err
		}
	}
	return nil
}

// processes are the numbers, as this process sees them, of what is in the cgroups or below.
func (g groups) processes() []int {
	seen := map[int]bool{}
	for _, folder := range g {
		_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				for _, pid := range readNumbers(filepath.Join(path, "cgroup.procs")) {
					if pid > 0 { // 0 is one that cannot be seen from here, and to kill() all of ours
						seen[pid] = true
					}
				}
			}
			return nil
		})
	}
	pids := make([]int, 0, len(seen))
	for pid := range seen {
		pids = append(pids, pid)
	}
	sort.Ints(pids)
	return pids
}

func readNumbers(path string) []int {
	content, _ := os.ReadFile(path)
	var numbers []int
	for _, word := range strings.Fields(string(content)) {
		if number, err := strconv.Atoi(word); err == nil {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// remove ends what is left in the cgroups and removes them, deepest first.
func (g groups) remove(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		for _, pid := range g.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		var left []string
		for _, folder := range g {
			if err := removeTree(folder); err != nil {
				left = append(left, err.Error())
			}
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cgroups cannot be removed: %s", strings.Join(left, "; "))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func removeTree(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(folder); err != nil && !errors.Is(err, syscall.ENOENT) {
		return &os.PathError{Op: "rmdir", Path: folder, Err: err}
	}
	return nil
}

// remember writes down which cgroups there will be, before they are made: the next run may be in another cgroup itself.
func remember(c *Config, all []groups) error {
	content, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Folder, "cgroups.json"), content, 0o600)
}

// removeLeftovers removes the cgroups that an earlier run wrote down, with all that runs in them. Only this cluster's: the
// list of a copied project names those of the one it was copied from.
func removeLeftovers(c *Config) error {
	file := filepath.Join(c.Folder, "cgroups.json")
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var all []groups
	if err := json.Unmarshal(content, &all); err == nil {
		for _, g := range all {
			if err := g.of(c).remove(5 * time.Second); err != nil {
				return err
			}
		}
	}
	return os.Remove(file)
}

// of are those of them that this cluster may have made.
func (g groups) of(c *Config) groups {
	var ours groups
	for _, folder := range g {
		if strings.HasPrefix(filepath.Base(folder), "poscloud-"+c.ID+"-n") {
			ours = append(ours, folder)
		}
	}
	return ours
}
