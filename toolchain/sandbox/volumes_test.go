package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestVolumesAreOpenedAsSoonAsTheyAreMade(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "volumes")
	if err := openVolumes(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		volume := filepath.Join(folder, name)
		if err := os.Mkdir(volume, 0o750); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(5 * time.Second)
		for {
			found, err := os.Stat(volume)
			if err != nil {
				t.Fatal(err)
			}
			if found.Mode().Perm() == 0o777 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has mode %o", name, found.Mode().Perm())
			}
			time.Sleep(time.Millisecond)
		}
	}
}
