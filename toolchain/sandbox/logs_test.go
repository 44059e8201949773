package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func size(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

const lines = 40_000 // many times the limit, and of what is read at once

func TestALogIsPutAsideWhileItsProgramWrites(t *testing.T) {
	log := &rotating{path: filepath.Join(t.TempDir(), "kubelet.log"), limit: 100_000}
	pipe, err := log.pipe()
	if err != nil {
		t.Fatal(err)
	}
	for number := range lines {
		fmt.Fprintf(pipe, "line %d\n", number)
	}
	pipe.Close()
	log.copying.Wait()
	now, before := size(t, log.path), size(t, log.path+".1")
	if now > 101_000 || before > 101_000 || before < 65_000 {
		t.Errorf("%d bytes, and %d put aside", now, before)
	}
	both := readAll(t, log.path+".1") + readAll(t, log.path)
	last := lines - 1
	found := bytes.Split(bytes.TrimSpace([]byte(both)), []byte("\n"))
	for i := len(found) - 1; i >= 0; i, last = i-1, last-1 {
		if string(found[i]) != fmt.Sprintf("line %d", last) {
			t.Fatalf("%q in the place of line %d", found[i], last)
		}
	}
}

func readAll(t *testing.T, path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestALogGoesOnWhereAnEarlierRunEnded(t *testing.T) {
	log := &rotating{path: filepath.Join(t.TempDir(), "etcd.log"), limit: 1000}
	if err := os.WriteFile(log.path, bytes.Repeat([]byte("x"), 999), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = log.Write([]byte("a\n"))
	_, _ = log.Write([]byte("b\n"))
	if text := readAll(t, log.path); text != "b\n" {
		t.Errorf("%q", text)
	}
	if got := size(t, log.path+".1"); got != 1001 {
		t.Errorf("%d bytes put aside", got)
	}
}

func TestALogThatCannotBeWrittenEndsNobody(t *testing.T) {
	log := &rotating{path: filepath.Join(t.TempDir(), "gone", "etcd.log"), limit: 10}
	for range 3 {
		if written, err := log.Write([]byte("a long line\n")); written != 12 || err != nil {
			t.Fatal(written, err)
		}
	}
}

func TestTheEndDoesNotWaitForWhoKeepsALogOpen(t *testing.T) {
	log := &rotating{path: filepath.Join(t.TempDir(), "containerd.log"), limit: 1000}
	pipe, err := log.pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	began := time.Now()
	drain(map[string]*rotating{"containerd": log}, time.Millisecond)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%s", took)
	}
}
