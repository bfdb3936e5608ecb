package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// maxKept is how many texts the carrier remembers.
const maxKept = 10_000

// journal keeps texts in a file of JSON lines. A text is written again whenever
// it changes; its last line counts. A journal without a path keeps nothing.
type journal struct {
	path  string
	file  *os.File
	lines int
	torn  bool // the last write failed, perhaps halfway through its line
}

// openJournal reads the newest texts of the file and rewrites it with only those.
// Lines that cannot be read, such as one that a crash tore, are dropped.
func openJournal(path string) (*journal, []*message, error) {
	if path == "" {
		return &journal{}, nil, nil
	}
	kept, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{path: path}
	if err := j.rewrite(kept); err != nil {
		return nil, nil, err
	}
	return j, kept, nil
}

func readJournal(path string) ([]*message, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()

	var kept []*message
	at := make(map[string]int)
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		m := new(message)
		if json.Unmarshal(line, m) != nil || !m.whole() {
			continue
		}
		if i, known := at[m.ID]; known {
			kept[i] = m
			continue
		}
		at[m.ID] = len(kept)
		kept = append(kept, m)
	}
	return slices.Clone(kept[max(0, len(kept)-maxKept):]), nil
}

// append writes m as it is now.
func (j *journal) append(m *message) error {
	if j.path == "" {
		return nil
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if j.torn {
		line = append([]byte{'\n'}, line...)
	}
	_, err = j.file.Write(append(line, '\n'))
	j.torn = err != nil
	j.lines++
	return err
}

// rewrite makes the file hold one line for each of messages and nothing else.
func (j *journal) rewrite(messages []*message) error {
	if j.path == "" {
		return nil
	}
	next, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(next)
	encoder := json.NewEncoder(w)
	for _, m := range messages {
		err = errors.Join(err, encoder.Encode(m))
	}
	if err = errors.Join(err, w.Flush()); err == nil {
		err = os.Rename(next.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, next.Close())
	}
	old := j.file
	j.file, j.lines, j.torn = next, len(messages), false
	if old != nil {
		return old.Close()
	}
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file, j.path = nil, ""
	return err
}
