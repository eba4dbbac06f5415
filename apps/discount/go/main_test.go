package main

import (
	"encoding/json"
	"os"
	"testing"
)

// The cases are shared with the program in C.
func TestCases(t *testing.T) {
	content, err := os.ReadFile("../cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Args   []string
		Status int
		Out    string
		Err    string
	}
	if err := json.Unmarshal(content, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 10 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		out, err := run(c.Args)
		if out != c.Out || (err != nil) != (c.Status != 0) {
			t.Errorf("%v: %q, %v; %q is wanted", c.Args, out, err, c.Out)
		}
		if err != nil && "discount: "+err.Error() != c.Err {
			t.Errorf("%v: %q, %q is wanted", c.Args, err, c.Err)
		}
	}
}
