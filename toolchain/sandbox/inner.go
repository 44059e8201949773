package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// innerName is what a sandbox's first process calls itself, so that nobody takes it for the outer one.
const innerName = "sandbox-node"

const cgroupRoot = "/sys/fs/cgroup"

// guarded are settings of the whole machine that a kubelet wants to write. It reads its wish from a file laid over
// each, and writes nothing.
var guarded = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// switched are settings of the sandbox's own network.
var switched = []string{
	"net/ipv4/ip_forward",
	"net/ipv4/conf/all/route_localnet",
	"net/bridge/bridge-nf-call-iptables",
}

// stage waits until the sandbox's first process is in its cgroups and its network is there, then takes what it sees
// of cgroups as the root of all, and becomes the node.
func stage(config string, number int) error {
	if _, err := io.ReadFull(os.NewFile(goDescriptor, "go"), make([]byte, 1)); err != nil {
		return errors.New("ended before its start")
	}
	if err := syscall.Unshare(syscall.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("cgroup namespace: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := []string{innerName, "node", "--config=" + config, "--node=" + strconv.Itoa(number)}
	return syscall.Exec(program, arguments, os.Environ())
}

// node is the first process of a sandbox.
func node(c *Config, n *Node, number int) error {
	for _, descriptor := range []int{goDescriptor, statusDescriptor, listenDescriptor} {
		syscall.CloseOnExec(descriptor)
	}
	syscall.Umask(0o022) // whoever called may have another: containers' users need the way to their files
	if err := prepare(c, n); err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	look, err := newConditions(c)
	if err != nil {
		return err
	}
	if number == 0 {
		listener, err := net.FileListener(os.NewFile(listenDescriptor, "listen"))
		if err != nil {
			return err
		}
		go forward(listener, c.Forward)
		if err := openVolumes(volumes); err != nil {
			return fmt.Errorf("%s: %w", volumes, err)
		}
	}
	return newSupervisor(n, look, os.NewFile(statusDescriptor, "status")).run()
}

// forward connects each connection to the machine's port with an address of this sandbox: a listening socket stays in
// the network that it was made in.
func forward(listener net.Listener, to string) {
	for {
		outside, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, say: that passes
			time.Sleep(firstDelay)
			continue
		}
		go func() {
			defer outside.Close()
			inside, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer inside.Close()
			done := make(chan struct{}, 2)
			copyTo := func(target, source net.Conn) {
				_, _ = io.Copy(target, source)
				if half, ok := target.(*net.TCPConn); ok {
					_ = half.CloseWrite()
				}
				done <- struct{}{}
			}
			go copyTo(inside, outside)
			go copyTo(outside, inside)
			<-done
			<-done
		}()
	}
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s at %s: %w", kind, target, err)
	}
	return nil
}

// prepare makes the sandbox a machine of its own, as far as a node can tell.
func prepare(c *Config, n *Node) error {
	found, err := hierarchies() // before /proc and /sys are the sandbox's own
	if err != nil {
		return err
	}
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(n.Name)); err != nil {
		return err
	}
	const plain = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
	if err := mount("proc", "/proc", "proc", plain, ""); err != nil {
		return err
	}
	if err := mount("sysfs", "/sys", "sysfs", plain, ""); err != nil {
		return err
	}
	if err := mountCgroups(found, plain); err != nil {
		return err
	}
	if err := mount("tmpfs", "/run", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	if err := mount("tmpfs", "/dev/shm", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=1777"); err != nil {
		return err
	}
	if err := ownFolders(c); err != nil {
		return err
	}
	if err := guard(); err != nil {
		return err
	}
	for _, bind := range n.Binds {
		if err := os.MkdirAll(bind.To, 0o755); err != nil {
			return err
		}
		if err := mount(bind.From, bind.To, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
		if !bind.Shared {
			continue
		}
		if err := mount("", bind.To, "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
			return err
		}
	}
	return nil
}

func mountCgroups(found []hierarchy, plain uintptr) error {
	if err := mount("tmpfs", cgroupRoot, "tmpfs", plain, "mode=755"); err != nil {
		return err
	}
	for _, h := range found {
		point := filepath.Join(cgroupRoot, h.Name)
		if err := os.Mkdir(point, 0o755); err != nil {
			return err
		}
		options := h.Options
		if strings.HasPrefix(options, "name=") {
			options = "none," + options
		}
		if err := mount("cgroup", point, "cgroup", plain, options); err != nil {
			return err
		}
		for _, controller := range strings.Split(h.Options, ",") {
			if strings.Contains(h.Name, ",") && controller != h.Name {
				_ = os.Symlink(h.Name, filepath.Join(cgroupRoot, controller))
			}
		}
	}
	return nil
}

// ownFolders keeps what a kubelet and a container runtime write to fixed places from the machine: /var/log is empty,
// /var/lib a copy on top of the machine's, and there is no name server.
func ownFolders(c *Config) error {
	for _, name := range []string{"upper", "work", "keep"} {
		if err := os.MkdirAll(filepath.Join("/run/poscloud", name), 0o755); err != nil {
			return err
		}
	}
	if err := mount(c.Keep, "/run/poscloud/keep", "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return err
	}
	const layers = "lowerdir=/var/lib,upperdir=/run/poscloud/upper,workdir=/run/poscloud/work"
	if err := mount("overlay", "/var/lib", "overlay", 0, layers); err != nil {
		return err
	}
	if err := mount("tmpfs", "/var/log", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	// It may lie in one of those two.
	if err := os.MkdirAll(c.Keep, 0o700); err != nil {
		return err
	}
	if err := mount("/run/poscloud/keep", c.Keep, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return err
	}
	return cover("/etc/resolv.conf", "")
}

// cover lays a file with this content over another, where there is one.
func cover(path, content string) error {
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	file := filepath.Join("/run/poscloud", strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "_"))
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		return err
	}
	return mount(file, path, "", syscall.MS_BIND, "")
}

func guard() error {
	for name, value := range guarded {
		if err := cover(filepath.Join("/proc/sys", name), value+"\n"); err != nil {
			return err
		}
	}
	for _, name := range switched {
		path := filepath.Join("/proc/sys", name)
		if err := os.WriteFile(path, []byte("1"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
