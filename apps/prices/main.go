// Prices is a small HTTP service: it knows the shop's prices, adds up baskets and tells which offers
// are on. It uses the standard library only.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	config, err := readConfig(os.Getenv)
	if err != nil {
		log.Error("the configuration is wrong", "err", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, config, log); err != nil {
		log.Error("the service ended with an error", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, then finishes the requests in flight.
func run(ctx context.Context, config Config, log *slog.Logger) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(config.Host, config.Port))
	if err != nil {
		return err
	}
	return serve(ctx, listener, config, log)
}

func serve(ctx context.Context, listener net.Listener, config Config, log *slog.Logger) error {
	server := &http.Server{
		Handler:           newHandler(newShop(), newRates(config.RatesURL), log, time.Now),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Info("listening", "address", listener.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping: no new connections, requests in flight are finished")
	// ctx is done already: the grace period needs one of its own.
	grace, cancel := context.WithTimeout(context.Background(), config.ShutdownTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("stopped")
	return nil
}
