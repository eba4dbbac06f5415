package main

import (
	"errors"
	"net/url"
	"strconv"
	"time"
)

// Config is what the environment says, read once at the start: a typo must stop the service there,
// not at the first request.
type Config struct {
	Host string
	Port string
	// RatesURL is where exchange rates come from; empty for none.
	RatesURL        string
	ShutdownTimeout time.Duration
}

// readConfig reads the environment; an empty variable counts as unset.
func readConfig(getenv func(string) string) (Config, error) {
	config := Config{
		Host:     getenv("HOST"),
		Port:     valueOr(getenv("PORT"), "8080"),
		RatesURL: getenv("RATES_URL"),
	}
	if port, err := strconv.Atoi(config.Port); err != nil || port < 0 || port > 65535 {
		return Config{}, errors.New("PORT must be a whole number from 0 to 65535")
	}
	if config.RatesURL != "" {
		found, err := url.Parse(config.RatesURL)
		if err != nil || found.Host == "" || (found.Scheme != "https" && found.Scheme != "http") {
			return Config{}, errors.New("RATES_URL must look like https://host/path")
		}
	}
	// By default Docker kills a container 10 s after SIGTERM, Kubernetes after 30 s.
	ms, err := strconv.Atoi(valueOr(getenv("SHUTDOWN_TIMEOUT_MS"), "8000"))
	if err != nil || ms < 1 || ms > 600_000 {
		return Config{}, errors.New("SHUTDOWN_TIMEOUT_MS must be a whole number from 1 to 600000")
	}
	config.ShutdownTimeout = time.Duration(ms) * time.Millisecond
	return config, nil
}

func valueOr(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
