package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks is how many links one path may go through, as for [os.Root].
const maxLinks = 8

// reached is a name in a folder that is open.
type reached struct {
	folder *os.Root
	name   string
	above  []*os.Root // the folders on the way, which are open too
}

func (r *reached) close() {
	for _, folder := range append(r.above, r.folder) {
		_ = folder.Close() // nothing is written through a folder
	}
}

// reach goes to a path below a root folder by one name at a time, and through links
// that stay below it. [os.Root] does not go astray on Linux; on gVisor it does:
// open with O_DIRECTORY follows a link there although O_NOFOLLOW forbids it, so that
// a link in the place of a folder leads anywhere. create makes folders that
// are missing; the last name may be a link then, which is left as it is.
func reach(root, name string, create bool) (*reached, error) {
	base, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	r := &reached{folder: base}
	if err := r.walk(strings.Split(name, "/"), create); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *reached) walk(names []string, create bool) error {
	for links := 0; len(names) > 0; {
		name, last := names[0], len(names) == 1
		names = names[1:]
		info, err := r.folder.Lstat(name)
		switch {
		case name == "." && !last:
		case name == "..":
			if len(r.above) == 0 {
				return escapes(name)
			}
			_ = r.folder.Close() // as in close
			r.folder, r.above = r.above[len(r.above)-1], r.above[:len(r.above)-1]
			if last {
				names = []string{"."}
			}
		case err == nil && info.Mode()&fs.ModeSymlink != 0 && !(last && create):
			target, err := r.folder.Readlink(name)
			if err != nil {
				return err
			}
			if links++; links > maxLinks || path.IsAbs(target) {
				return escapes(name)
			}
			names = append(strings.Split(path.Clean(target), "/"), names...)
		case last:
			r.name = name
			return nil
		default:
			if err := r.enter(name, info, create); err != nil {
				return err
			}
		}
	}
	return nil
}

func escapes(name string) error {
	return fmt.Errorf("%s leads out of the folder for files, or through too many links", name)
}

// enter goes on to a folder that Lstat saw, nil where it saw none.
func (r *reached) enter(name string, seen fs.FileInfo, create bool) error {
	if seen == nil && create {
		if err := r.folder.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	next, err := into(r.folder, name)
	if err != nil {
		return err
	}
	r.above, r.folder = append(r.above, r.folder), next
	return nil
}

// into opens a folder in another by its one name. What a program puts in its place
// meanwhile is noticed.
func into(folder *os.Root, name string) (*os.Root, error) {
	before, err := folder.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", name)
	}
	next, err := folder.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	now, err := next.Stat(".")
	if err == nil && !os.SameFile(before, now) {
		err = fmt.Errorf("%s was replaced while it was opened", name)
	}
	if err != nil {
		_ = next.Close() // as in close
		return nil, err
	}
	return next, nil
}
