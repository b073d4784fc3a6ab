package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
	"k8s.io/apimachinery/pkg/types"
)

// Assignments reads which address the CNI gave to which pod from the results that libcni caches. They are
// there before the pod's first container starts, the pod's status only a second or two after: without them a
// new pod's first look-ups would be dropped.
type Assignments struct{ folder string }

func NewAssignments(folder string) *Assignments { return &Assignments{folder} }

type cachedResult struct {
	CniArgs [][2]string `json:"cniArgs"`
	Result  struct {
		IPs []struct {
			Address string `json:"address"`
		} `json:"ips"`
	} `json:"result"`
}

// Read returns the addresses by pod UID. A file that is half written or of another kind is passed over: the
// pod's status will tell.
func (a *Assignments) Read() map[types.UID]netip.Addr {
	found := map[types.UID]netip.Addr{}
	files, _ := filepath.Glob(filepath.Join(a.folder, "*"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		var cached cachedResult
		if err != nil || json.Unmarshal(content, &cached) != nil {
			continue
		}
		for _, arg := range cached.CniArgs {
			if arg[0] != "K8S_POD_UID" {
				continue
			}
			for _, ip := range cached.Result.IPs {
				if prefix, err := netip.ParsePrefix(ip.Address); err == nil && prefix.Addr().Is4() {
					found[types.UID(arg[1])] = prefix.Addr()
				}
			}
		}
	}
	return found
}

// Watch calls changed whenever an assignment may have come or gone, until the context ends.
func (a *Assignments) Watch(ctx context.Context, changed func()) {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		if err = os.MkdirAll(a.folder, 0o700); err == nil {
			err = watcher.Add(a.folder)
		}
	}
	if err != nil {
		slog.Warn("CNI results can't be watched; new pods are known from their status only", "error", err)
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-watcher.Events:
			changed()
		case <-watcher.Errors:
			changed()
		}
	}
}
