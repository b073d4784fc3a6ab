package property

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestTheEnginesFormIsReadAndWritten(t *testing.T) {
	wire := `{"port":80,"ratio":0.5,"on":true,"none":null,"list":["a",{"b":1}],
		"password":{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","value":"x"},
		"later":"04da6b54-80e4-46f7-96ec-b56ff0331ba9"}`
	var fields structpb.Struct
	if err := protojson.Unmarshal([]byte(wire), &fields); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"port": int64(80), "ratio": 0.5, "on": true, "none": nil, "list": []any{"a", map[string]any{"b": int64(1)}},
		"password": Secret{"x"}, "later": Unknown{},
	}
	got := Decode(&fields)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
	if again := Decode(Encode(got)); !reflect.DeepEqual(again, want) {
		t.Errorf("written and read again: %#v", again)
	}
	if !HasUnknown(got) || HasUnknown(got["list"]) {
		t.Error("unknown values are not found where they are")
	}
}

func TestCopiesOfASecretAreMarked(t *testing.T) {
	got := MarkStrings(map[string]any{"a": []any{"url: hunter22@host", "plain"}}, []string{"hunter22"})
	if want := (map[string]any{"a": []any{Secret{"url: hunter22@host"}, "plain"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}
