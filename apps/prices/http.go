package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"
)

const (
	mostBytes   = 64 * 1024
	defaultZone = "Europe/Berlin"
)

type quote struct {
	Items      []Item `json:"items"`
	TotalCents int64  `json:"totalCents"`
	Currency   string `json:"currency"`
}

type offers struct {
	Zone   string  `json:"zone"`
	Clock  string  `json:"clock"` // local time, for example 14:05
	Offers []Offer `json:"offers"`
}

// newHandler is the service without a socket.
func newHandler(shop Shop, rates Rates, log *slog.Logger, now func() time.Time) http.Handler {
	mux := http.NewServeMux()

	// "Does this process serve?" It asks nothing and nobody.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, map[string]string{"status": "ok"})
	})

	// "Should traffic come here?"
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := rates.Ready(); err != nil {
			log.Warn("not ready", "err", err)
			refuse(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		send(w, http.StatusOK, map[string]string{"status": "ready"})
	})

	mux.HandleFunc("GET /prices", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, shop.Prices)
	})

	// Offers go by the shop's own clock, so its time zone has to be known here.
	mux.HandleFunc("GET /offers", func(w http.ResponseWriter, r *http.Request) {
		zone := valueOr(r.URL.Query().Get("zone"), defaultZone)
		location, err := time.LoadLocation(zone)
		if err != nil {
			log.Warn("the time zone is not known", "zone", zone, "err", err)
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		local := now().In(location)
		send(w, http.StatusOK, offers{zone, local.Format("15:04"), shop.OffersAt(local)})
	})

	mux.HandleFunc("POST /quotes", func(w http.ResponseWriter, r *http.Request) {
		asked := quote{Currency: "EUR"}
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBytes))
		body.DisallowUnknownFields()
		if err := body.Decode(&asked); err != nil {
			refuse(w, http.StatusBadRequest, "the body is no basket: "+err.Error())
			return
		}
		cents, err := shop.Total(asked.Items)
		if err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		asked.TotalCents, err = rates.Convert(r.Context(), cents, asked.Currency)
		if err != nil {
			log.Error("no exchange rate", "currency", asked.Currency, "err", err)
			refuse(w, http.StatusBadGateway, err.Error())
			return
		}
		log.Info("quoted", "items", len(asked.Items), "totalCents", asked.TotalCents)
		send(w, http.StatusOK, asked)
	})
	return mux
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that has gone away is nobody's fault.
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	send(w, status, map[string]any{"status": status, "message": message})
}
