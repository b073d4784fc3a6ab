// Package diff compares what the program asked for with what it asks for now. It never calls the API server, so an
// update of hundreds of unchanged objects costs nothing.
package diff

import (
	"fmt"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"plinth.local/lab/provider/internal/property"
)

// Kind of a change to one field.
type Kind int

const (
	Added Kind = iota
	Removed
	Changed
)

// Change is one field that differs. Its path holds string keys and int indices.
type Change struct {
	Path     []any
	Kind     Kind
	Old, New any
}

// Compare lists the fields that differ, in the order of their paths. Null is the same as absent. A field whose
// secrecy alone changed counts as changed, because the state must be written anew.
func Compare(old, new map[string]any) []Change {
	var changes []Change
	compareMaps(nil, old, new, &changes)
	sort.Slice(changes, func(i, j int) bool { return Format(changes[i].Path) < Format(changes[j].Path) })
	return changes
}

func compareMaps(path []any, old, new map[string]any, changes *[]Change) {
	for key, value := range old {
		compare(with(path, key), value, new[key], changes)
	}
	for key, value := range new {
		if _, known := old[key]; !known {
			compare(with(path, key), nil, value, changes)
		}
	}
}

func compare(path []any, old, new any, changes *[]Change) {
	oldSecret, wasSecret := old.(property.Secret)
	newSecret, isSecret := new.(property.Secret)
	if wasSecret {
		old = oldSecret.Value
	}
	if isSecret {
		new = newSecret.Value
	}
	switch {
	case old == nil && new == nil:
		return
	case old == nil:
		*changes = append(*changes, Change{path, Added, nil, new})
		return
	case new == nil:
		*changes = append(*changes, Change{path, Removed, old, nil})
		return
	case wasSecret != isSecret:
		*changes = append(*changes, Change{path, Changed, old, new})
		return
	}
	oldMap, oldIsMap := old.(map[string]any)
	newMap, newIsMap := new.(map[string]any)
	if oldIsMap && newIsMap {
		compareMaps(path, oldMap, newMap, changes)
		return
	}
	oldList, oldIsList := old.([]any)
	newList, newIsList := new.([]any)
	if oldIsList && newIsList {
		for index := range max(len(oldList), len(newList)) {
			compare(with(path, index), at(oldList, index), at(newList, index), changes)
		}
		return
	}
	if !Equal(old, new) {
		*changes = append(*changes, Change{path, Changed, old, new})
	}
}

// Equal compares two plain values; the numbers 1 and 1.0 are equal, an unknown equals nothing.
func Equal(old, new any) bool {
	switch typed := old.(type) {
	case int64, float64:
		a, isNumber := number(old)
		b, alsoNumber := number(new)
		return isNumber && alsoNumber && a == b
	case string:
		other, same := new.(string)
		return same && typed == other
	case bool:
		other, same := new.(bool)
		return same && typed == other
	case nil:
		return new == nil
	case map[string]any:
		other, same := new.(map[string]any)
		return same && len(Compare(typed, other)) == 0
	case []any:
		other, same := new.([]any)
		return same && len(Compare(map[string]any{"": typed}, map[string]any{"": other})) == 0
	default:
		return false
	}
}

func number(value any) (float64, bool) {
	switch typed := value.(type) {
	case int64:
		return float64(typed), true
	case float64:
		return typed, !math.IsNaN(typed)
	default:
		return 0, false
	}
}

func at(list []any, index int) any {
	if index < len(list) {
		return list[index]
	}
	return nil
}

func with(path []any, step any) []any {
	return append(append(make([]any, 0, len(path)+1), path...), step)
}

var identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// Format writes a path as the engine reads it: spec.ports[0].port, metadata.labels["app.kubernetes.io/name"].
func Format(path []any) string {
	var text strings.Builder
	for _, step := range path {
		switch typed := step.(type) {
		case int:
			fmt.Fprintf(&text, "[%d]", typed)
		case string:
			switch {
			case !identifier.MatchString(typed):
				fmt.Fprintf(&text, "[%s]", strconv.Quote(typed))
			case text.Len() > 0:
				text.WriteString("." + typed)
			default:
				text.WriteString(typed)
			}
		}
	}
	return text.String()
}
