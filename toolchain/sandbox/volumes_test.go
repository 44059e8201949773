package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func mode(t *testing.T, path string) os.FileMode {
	found, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return found.Mode().Perm()
}

func until(t *testing.T, path string, wanted os.FileMode) {
	deadline := time.Now().Add(5 * time.Second)
	for mode(t, path) != wanted {
		if time.Now().After(deadline) {
			t.Fatalf("%s has mode %o", path, mode(t, path))
		}
		time.Sleep(time.Millisecond)
	}
}

func makeFolder(t *testing.T, path string, mode os.FileMode) string {
	if err := os.Mkdir(path, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVolumesAreOpenedAsSoonAsTheyAreMade(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volumes")
	if err := openVolumes(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		volume := filepath.Join(folder, name)
		if err := os.Mkdir(volume, made); err != nil {
			t.Fatal(err)
		}
		until(t, volume, 0o777)
	}
}

func TestAVolumeThatAKilledRunDidNotOpenIsOpenedAtTheStart(t *testing.T) {
	folder := t.TempDir()
	left := makeFolder(t, filepath.Join(folder, "left"), made)
	closed := makeFolder(t, filepath.Join(folder, "closed"), 0o700)
	used := makeFolder(t, filepath.Join(folder, "used"), made)
	if err := os.WriteFile(filepath.Join(used, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := openVolumes(folder); err != nil {
		t.Fatal(err)
	}
	if mode(t, left) != 0o777 {
		t.Errorf("what is left has mode %o", mode(t, left))
	}
	if mode(t, closed) != 0o700 || mode(t, used) != made {
		t.Errorf("modes that programs chose became %o and %o", mode(t, closed), mode(t, used))
	}
}

func TestWhatIsNoVolumeIsLeftAlone(t *testing.T) {
	folder, elsewhere := t.TempDir(), makeFolder(t, filepath.Join(t.TempDir(), "elsewhere"), made)
	link := filepath.Join(folder, "link")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	openVolume(link)
	openAll(folder)
	if mode(t, elsewhere) != made {
		t.Errorf("a link's target has mode %o", mode(t, elsewhere))
	}
	openVolume(filepath.Join(folder, "gone")) // says nothing
}

func TestTheKernelsEventsAreRead(t *testing.T) {
	var buffer bytes.Buffer
	tell := func(mask uint32, name string) {
		padded := make([]byte, 16)
		copy(padded, name)
		event := syscall.InotifyEvent{Wd: 1, Mask: mask, Len: uint32(len(padded))}
		_ = binary.Write(&buffer, binary.NativeEndian, event.Wd)
		_ = binary.Write(&buffer, binary.NativeEndian, event.Mask)
		_ = binary.Write(&buffer, binary.NativeEndian, event.Cookie)
		_ = binary.Write(&buffer, binary.NativeEndian, event.Len)
		buffer.Write(padded)
	}
	tell(syscall.IN_CREATE|syscall.IN_ISDIR, "volume")
	tell(syscall.IN_CREATE, "file")
	names, lost := created(buffer.Bytes())
	if fmt.Sprint(names) != "[volume]" || lost {
		t.Errorf("%v, %v", names, lost)
	}
	tell(syscall.IN_Q_OVERFLOW, "")
	if _, lost := created(buffer.Bytes()); !lost {
		t.Error("events that were lost are not told")
	}
}
