package main

import (
	"bytes"
	"log"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// volumes is where Kubernetes' own provisioner makes the folders of volumes; it knows no other place. In a sandbox it is
// a folder of the cluster's own.
const volumes = "/tmp/hostpath_pv"

// openVolumes lets every user write into each volume as soon as it is made, as a disk's driver would by the pod's
// fsGroup: the provisioner makes a folder of root's, and a kubelet gives a hostPath volume to nobody else. Other people
// of the machine do not get that far: the cluster's folder is its owner's alone.
func openVolumes(folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return err
	}
	if _, err := syscall.InotifyAddWatch(watch, folder, syscall.IN_CREATE|syscall.IN_ONLYDIR); err != nil {
		syscall.Close(watch)
		return err
	}
	go func() {
		defer syscall.Close(watch)
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
			for _, name := range created(buffer[:length]) {
				if err := os.Chmod(filepath.Join(folder, name), 0o777); err != nil && !os.IsNotExist(err) {
					log.Printf("volume %s stays root's: %v", name, err)
				}
			}
		}
	}()
	return nil
}

// created returns the names of the folders that a buffer of the kernel's tells of.
func created(buffer []byte) []string {
	var names []string
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
		buffer = buffer[end:]
	}
	return names
}
