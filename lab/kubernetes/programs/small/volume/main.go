// Volume makes or removes the folder of one persistent volume, by the name it is called by: make-volume or
// remove-volume. The storage provisioner runs it in a helper pod and names the folder in VOL_DIR.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := act(filepath.Base(os.Args[0]), os.Getenv("VOL_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func act(name, folder string) error {
	// The provisioner names folders pvc-<uid>_<namespace>_<name>: nothing else is ours to touch.
	if !filepath.IsAbs(folder) || !strings.HasPrefix(filepath.Base(folder), "pvc-") {
		return fmt.Errorf("VOL_DIR must be the absolute path of a pvc- folder, got %q", folder)
	}
	switch name {
	case "make-volume":
		if err := os.Mkdir(folder, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		// Any user of the pod writes there, whatever the umask; the folder above lets nobody else in.
		return os.Chmod(folder, 0o777)
	case "remove-volume":
		return os.RemoveAll(folder)
	default:
		return fmt.Errorf("call me make-volume or remove-volume, not %q", name)
	}
}
