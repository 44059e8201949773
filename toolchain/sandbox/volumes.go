package main

import (
	"bytes"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"
)

// volumes is where Kubernetes' own provisioner makes the folders of volumes; it knows no other place. In a sandbox it is
// a folder of the cluster's own.
const volumes = "/tmp/hostpath_pv"

// made is the mode that the provisioner gives a folder.
const made = 0o750

// openVolumes lets every user write into each volume as soon as it is made, as a disk's driver would by the pod's
// fsGroup: the provisioner makes a folder of root's, and a kubelet gives a hostPath volume to nobody else. Other people
// of the machine do not get that far: the cluster's folder is its owner's alone.
//
// A pod that uses the volume is only scheduled when the provisioner has told of it, and starts several processes later,
// so what is done within milliseconds comes first. It comes first on a busy machine too, because its thread goes before
// others. What an earlier run did not come to, because it was killed, is done at the start.
func openVolumes(folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return err
	}
	const events = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_ONLYDIR
	if _, err := syscall.InotifyAddWatch(watch, folder, events); err != nil {
		syscall.Close(watch)
		return err
	}
	// After the watch has begun: what is made meanwhile is told by one or found by the other.
	openAll(folder)
	go func() {
		defer syscall.Close(watch)
		runtime.LockOSThread()
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), -20) // where it is refused, as before
		buffer := make([]byte, 64<<10)
		for {
			length, err := syscall.Read(watch, buffer)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || length < syscall.SizeofInotifyEvent {
				log.Printf("%s is watched no more: %v", folder, err)
				return
			}
			names, lost := created(buffer[:length])
			for _, name := range names {
				openVolume(filepath.Join(folder, name))
			}
			if lost {
				openAll(folder)
			}
		}
	}()
	return nil
}

// openAll opens every volume that is still as the provisioner makes them and that nobody has used.
func openAll(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		log.Printf("%s cannot be read: %v", folder, err)
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		// What holds something may have been closed on purpose, by the program that put it there.
		if inside, err := os.ReadDir(path); err == nil && len(inside) == 0 {
			openVolume(path)
		}
	}
}

// openVolume opens a volume unless somebody has changed its mode or owner since it was made.
func openVolume(path string) {
	found, err := os.Lstat(path)
	if err == nil {
		owner, known := found.Sys().(*syscall.Stat_t)
		if !found.IsDir() || found.Mode().Perm() != made || !known || int(owner.Uid) != os.Geteuid() {
			return
		}
		err = os.Chmod(path, 0o777)
	}
	if err != nil && !os.IsNotExist(err) {
		log.Printf("volume %s stays root's: %v", filepath.Base(path), err)
	}
}

// created returns the names of the folders that a buffer of the kernel's tells of, and whether some were left out
// because there were too many.
func created(buffer []byte) (names []string, lost bool) {
	for len(buffer) >= syscall.SizeofInotifyEvent {
		event := (*syscall.InotifyEvent)(unsafe.Pointer(&buffer[0]))
		end := syscall.SizeofInotifyEvent + int(event.Len)
		if end > len(buffer) {
			break
		}
		name := string(bytes.TrimRight(buffer[syscall.SizeofInotifyEvent:end], "\x00"))
		if name != "" && event.Mask&syscall.IN_ISDIR != 0 {
			names = append(names, name)
		}
		lost = lost || event.Mask&syscall.IN_Q_OVERFLOW != 0
		buffer = buffer[end:]
	}
	return names, lost
}
