package redact

import (
	"strings"
	"testing"
)

func TestValuesAreHiddenInEveryForm(t *testing.T) {
	hide := New([]string{"p@ss word/1", "short", "shorter than", "abc"})
	text := hide.Apply("p@ss word/1 cEBzcyB3b3JkLzE= p%40ss+word%2F1 p@ss%20word%2F1 shorter than short abc")
	if want := "[secret] [secret] [secret] [secret] [secret] [secret] abc"; text != want {
		t.Errorf("got %q", text)
	}
}

func TestPublicWordsStay(t *testing.T) {
	if got := New([]string{"mlflow"}, "mlflow-5d9f").Apply("mlflow failed"); got != "mlflow failed" {
		t.Errorf("got %q", got)
	}
}

func TestAKeyIsHiddenLineByLine(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----\n"
	if got := New([]string{key}).Apply("  MIIEvQIBADANBgkqhkiG9w0"); strings.Contains(got, "MIIE") {
		t.Errorf("got %q", got)
	}
}
