package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestARequestInFlightIsFinishedBeforeTheEnd(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, `{"USD": 2}`)
	}))
	defer upstream.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	config := Config{RatesURL: upstream.URL, ShutdownTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, config, slog.New(slog.DiscardHandler)) }()

	answered := make(chan string, 1)
	go func() {
		body := `{"items":[{"sku":"tea","quantity":1}],"currency":"USD"}`
		url := "http://" + listener.Addr().String() + "/quotes"
		response, err := http.Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-arrived
	stop()
	select {
	case err := <-ended:
		t.Fatalf("it ended with a request in flight: %v", err)
	default:
	}
	close(release)
	if text := <-answered; !strings.Contains(text, `"totalCents":700`) {
		t.Errorf("the request in flight got %s", text)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	config := Config{Host: "127.0.0.1", Port: port, ShutdownTimeout: time.Second}
	if err := run(context.Background(), config, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it started")
	}
}
