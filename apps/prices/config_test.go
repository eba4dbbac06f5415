package main

import (
	"testing"
	"time"
)

func environment(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestWithoutAnyVariableTheDefaultsHold(t *testing.T) {
	got, err := readConfig(environment())
	want := Config{Port: "8080", ShutdownTimeout: 8 * time.Second}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnEmptyVariableCountsAsUnset(t *testing.T) {
	if got, err := readConfig(environment("PORT", "")); err != nil || got.Port != "8080" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAWrongValueStopsTheService(t *testing.T) {
	for _, pair := range [][]string{
		{"PORT", "http"},
		{"PORT", "65536"},
		{"PORT", "-1"},
		{"RATES_URL", "rates"},
		{"RATES_URL", "ftp://rates/"},
		{"SHUTDOWN_TIMEOUT_MS", "0"},
		{"SHUTDOWN_TIMEOUT_MS", "soon"},
	} {
		if got, err := readConfig(environment(pair...)); err == nil {
			t.Errorf("%v: got %+v", pair, got)
		}
	}
}
