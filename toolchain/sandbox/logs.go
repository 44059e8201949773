package main

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

// keepAt is how long a log may get; then it is put aside once, so that a program has at most twice that.
const keepAt = 20 << 20

// drainFor is how long what programs have said may take to be written when all ends.
const drainFor = 100 * time.Millisecond

// rotating is a log that is put aside when it has become long, while its program runs. Programs write to it through a
// pipe: one that has the file itself open would go on in the one that was put aside.
type rotating struct {
	path  string
	limit int64

	mutex sync.Mutex
	file  *os.File
	size  int64
	// copying are the pipes that are still read: a program's, and what its children have inherited of an earlier one.
	copying sync.WaitGroup
}

// Write never fails: a program must not end because a disk is full. What cannot be written is lost.
func (l *rotating) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	all := len(text)
	l.open()
	if l.file != nil && l.size+int64(all) > l.limit {
		// The line that was begun is ended first.
		end := bytes.IndexByte(text, '\n') + 1
		l.put(text[:end])
		text = text[end:]
		l.file.Close()
		l.file = nil
		_ = os.Rename(l.path, l.path+".1")
		l.open()
	}
	l.put(text)
	return all, nil
}

func (l *rotating) open() {
	if l.file != nil {
		return
	}
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	l.file, l.size = file, 0
	if info, err := file.Stat(); err == nil {
		l.size = info.Size()
	}
}

func (l *rotating) put(text []byte) {
	if l.file != nil {
		written, _ := l.file.Write(text)
		l.size += int64(written)
	}
}

// pipe returns where a program writes to; what comes from there is copied until everybody who has it has closed it.
func (l *rotating) pipe() (*os.File, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l.copying.Add(1)
	go func() {
		defer l.copying.Done()
		defer from.Close()
		_, _ = io.Copy(l, from)
	}()
	return to, nil
}

// drain waits until all that was said is written, but not for long: some never close their end.
func drain(logs map[string]*rotating, most time.Duration) {
	done := make(chan struct{})
	go func() {
		for _, l := range logs {
			l.copying.Wait()
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(most):
	}
}
