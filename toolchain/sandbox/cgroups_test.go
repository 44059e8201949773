package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLeftoversOfAnotherClusterStay(t *testing.T) {
	c := &Config{ID: "aa", Folder: t.TempDir()}
	hierarchy := t.TempDir()
	mine, copied := filepath.Join(hierarchy, "poscloud-aa-n1"), filepath.Join(hierarchy, "poscloud-bb-n1")
	for _, folder := range []string{filepath.Join(mine, "kubepods"), copied} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := remember(c, []groups{{mine, copied}}); err != nil {
		t.Fatal(err)
	}
	if err := removeLeftovers(c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); !os.IsNotExist(err) {
		t.Error(mine, err)
	}
	if _, err := os.Stat(copied); err != nil {
		t.Error(err)
	}
}
