package record

import "os"

// ReplaceFileForTest writes what comes to another file.
func (r *Recorder) ReplaceFileForTest(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	old := r.file
	r.file = file
	return old.Close()
}
