// Package property converts between the engine's wire form and plain Go values: map[string]any, []any, string, bool,
// int64, float64 and nil, with Secret and Unknown where the engine says so.
package property

import (
	"math"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// Secret is a value that the engine encrypts in its state and hides in its output.
type Secret struct{ Value any }

// Unknown is a value that only an update will compute; it occurs in previews.
type Unknown struct{}

// The engine's signatures, from its wire format.
const (
	signature       = "4dabf18193072939515e22adb298388d"
	secretSignature = "1b47061264138c4ac30d75fd1eb44270"
	unknownString   = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
)

var unknowns = map[string]bool{
	unknownString:                          true,
	"1c4a061d-8072-4f0a-a4cb-0ff528b18fe7": true, // of a boolean
	"3eeb2bf0-c639-47a8-9e75-3b44932eb421": true, // of a number
	"6a19a0b0-7e62-4c92-b797-7f8e31da9cc2": true, // of a list
	"030794c1-ac77-496b-92df-f27374a8bd58": true, // of an asset
	"e48ece36-62e2-4504-bad9-02848725956a": true, // of an archive
	"dd056dcd-154b-4c76-9bd3-c8f88648b5ff": true, // of an object
}

// Decode reads the engine's form. Whole numbers become int64, as Kubernetes' own decoder makes them.
func Decode(fields *structpb.Struct) map[string]any {
	result := make(map[string]any, len(fields.GetFields()))
	for key, value := range fields.GetFields() {
		result[key] = decode(value)
	}
	return result
}

func decode(value *structpb.Value) any {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_BoolValue:
		return kind.BoolValue
	case *structpb.Value_NumberValue:
		if number := kind.NumberValue; number == math.Trunc(number) && math.Abs(number) < 1<<53 {
			return int64(number)
		}
		return kind.NumberValue
	case *structpb.Value_StringValue:
		if unknowns[kind.StringValue] {
			return Unknown{}
		}
		return kind.StringValue
	case *structpb.Value_ListValue:
		list := make([]any, len(kind.ListValue.GetValues()))
		for index, item := range kind.ListValue.GetValues() {
			list[index] = decode(item)
		}
		return list
	case *structpb.Value_StructValue:
		fields := kind.StructValue.GetFields()
		if fields[signature].GetStringValue() == secretSignature {
			return Secret{decode(fields["value"])}
		}
		return Decode(kind.StructValue)
	default:
		return nil
	}
}

// Encode writes the engine's form.
func Encode(values map[string]any) *structpb.Struct {
	fields := make(map[string]*structpb.Value, len(values))
	for key, value := range values {
		fields[key] = encode(value)
	}
	return &structpb.Struct{Fields: fields}
}

func encode(value any) *structpb.Value {
	switch typed := value.(type) {
	case bool:
		return structpb.NewBoolValue(typed)
	case int:
		return structpb.NewNumberValue(float64(typed))
	case int64:
		return structpb.NewNumberValue(float64(typed))
	case float64:
		return structpb.NewNumberValue(typed)
	case string:
		return structpb.NewStringValue(typed)
	case []any:
		list := make([]*structpb.Value, len(typed))
		for index, item := range typed {
			list[index] = encode(item)
		}
		return structpb.NewListValue(&structpb.ListValue{Values: list})
	case map[string]any:
		return structpb.NewStructValue(Encode(typed))
	case Secret:
		return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
			signature: structpb.NewStringValue(secretSignature),
			"value":   encode(typed.Value),
		}})
	case Unknown:
		return structpb.NewStringValue(unknownString)
	default:
		return structpb.NewNullValue()
	}
}

// Plain copies a value without its Secret wrappers. Unknowns stay.
func Plain(value any) any {
	switch typed := value.(type) {
	case Secret:
		return Plain(typed.Value)
	case map[string]any:
		result := make(map[string]any, len(typed))
		for key, item := range typed {
			result[key] = Plain(item)
		}
		return result
	case []any:
		result := make([]any, len(typed))
		for index, item := range typed {
			result[index] = Plain(item)
		}
		return result
	default:
		return value
	}
}

// PlainMap is Plain for an object.
func PlainMap(values map[string]any) map[string]any {
	plain, _ := Plain(values).(map[string]any)
	return plain
}

// HasUnknown tells whether any part of a value is still to be computed.
func HasUnknown(value any) bool {
	return contains(value, func(leaf any) bool { _, unknown := leaf.(Unknown); return unknown })
}

// HasSecret tells whether any part of a value is a Secret.
func HasSecret(value any) bool {
	return contains(value, func(leaf any) bool { _, secret := leaf.(Secret); return secret })
}

func contains(value any, is func(any) bool) bool {
	if is(value) {
		return true
	}
	switch typed := value.(type) {
	case Secret:
		return contains(typed.Value, is)
	case map[string]any:
		for _, item := range typed {
			if contains(item, is) {
				return true
			}
		}
	case []any:
		for _, item := range typed {
			if contains(item, is) {
				return true
			}
		}
	}
	return false
}

// Strings collects every string inside the Secrets of a value.
func Strings(value any) []string {
	var found []string
	var walk func(value any, secret bool)
	walk = func(value any, secret bool) {
		switch typed := value.(type) {
		case Secret:
			walk(typed.Value, true)
		case map[string]any:
			for _, item := range typed {
				walk(item, secret)
			}
		case []any:
			for _, item := range typed {
				walk(item, secret)
			}
		case string:
			if secret && typed != "" {
				found = append(found, typed)
			}
		}
	}
	walk(value, false)
	return found
}

// MarkStrings wraps every string that contains one of the given secrets, wherever the API server may have copied it.
func MarkStrings(value any, secrets []string) any {
	switch typed := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(typed))
		for key, item := range typed {
			result[key] = MarkStrings(item, secrets)
		}
		return result
	case []any:
		result := make([]any, len(typed))
		for index, item := range typed {
			result[index] = MarkStrings(item, secrets)
		}
		return result
	case string:
		for _, secret := range secrets {
			// A shorter one would mark half of the object, and nobody's secret is that short.
			if len(secret) >= 6 && strings.Contains(typed, secret) {
				return Secret{typed}
			}
		}
	}
	return value
}
