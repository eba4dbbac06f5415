package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func ask(t *testing.T, rates Rates, method, path, body string) (int, string) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC) }
	handler := newHandler(newShop(), rates, slog.New(slog.DiscardHandler), now)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer.Code, strings.TrimSpace(answer.Body.String())
}

func TestRequests(t *testing.T) {
	basket := `{"items":[{"sku":"tea","quantity":2}]}`
	for _, c := range []struct {
		method, path, body string
		status             int
		contains           string
	}{
		{"GET", "/healthz", "", 200, `"ok"`},
		{"GET", "/readyz", "", 200, `"ready"`},
		{"GET", "/prices", "", 200, `"tea":350`},
		{"GET", "/offers", "", 200, `"clock":"11:00"`},
		{"GET", "/offers?zone=America/New_York", "", 200, `"clock":"05:00"`},
		{"GET", "/offers?zone=Moon/Base", "", 400, "unknown time zone"},
		{"POST", "/quotes", basket, 200, `"totalCents":700`},
		{"POST", "/quotes", `{"items":[]}`, 400, "basket"},
		{"POST", "/quotes", `{"things":[]}`, 400, "things"},
		{"POST", "/quotes", strings.Repeat(" ", mostBytes+1), 400, "too large"},
		{"POST", "/quotes", `{"items":[{"sku":"tea","quantity":1}],"currency":"USD"}`, 502, "no exchange"},
		{"GET", "/quotes", "", 405, ""},
		{"GET", "/", "", 404, ""},
	} {
		status, body := ask(t, newRates(""), c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.contains) {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
	}
}

func TestAQuoteInAnotherCurrencyUsesTheRate(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]float64{"USD": 1.1})
	}))
	defer upstream.Close()
	body := `{"items":[{"sku":"tea","quantity":2}],"currency":"USD"}`
	status, text := ask(t, newRates(upstream.URL), "POST", "/quotes", body)
	if status != 200 || !strings.Contains(text, `"totalCents":770`) {
		t.Errorf("got %d %s", status, text)
	}
}

func TestAnUnknownAuthorityIsRefused(t *testing.T) {
	upstream := httptest.NewTLSServer(http.NotFoundHandler())
	defer upstream.Close()
	body := `{"items":[{"sku":"tea","quantity":2}],"currency":"USD"}`
	status, text := ask(t, newRates(upstream.URL), "POST", "/quotes", body)
	if status != 502 || !strings.Contains(text, "certificate") {
		t.Errorf("got %d %s", status, text)
	}
}
