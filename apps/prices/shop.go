package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

//go:embed shop.json
var shopJSON []byte

// Offer is a price for some hours of the day, by the clock of the shop's own time zone.
type Offer struct {
	SKU        string `json:"sku"`
	PriceCents int64  `json:"priceCents"`
	From       int    `json:"from"` // hour of the day, included
	To         int    `json:"to"`   // hour of the day, not included
}

// Shop is the price list, in euro cents.
type Shop struct {
	Prices map[string]int64 `json:"prices"`
	Offers []Offer          `json:"offers"`
}

// Item is a line of a basket.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

const (
	mostItems    = 100
	mostQuantity = 1000
)

// newShop reads the price list that was compiled in.
func newShop() Shop {
	var shop Shop
	if err := json.Unmarshal(shopJSON, &shop); err != nil {
		panic(fmt.Sprintf("shop.json is broken: %v", err)) // a fault of the build; a test reads it
	}
	return shop
}

// OffersAt returns the offers that are on at a moment; its location is the shop's.
func (s Shop) OffersAt(now time.Time) []Offer {
	found := []Offer{}
	for _, offer := range s.Offers {
		if hour := now.Hour(); offer.From <= hour && hour < offer.To {
			found = append(found, offer)
		}
	}
	return found
}

// Total adds a basket up, in cents.
func (s Shop) Total(items []Item) (int64, error) {
	if len(items) == 0 || len(items) > mostItems {
		return 0, fmt.Errorf("a basket has 1 to %d items", mostItems)
	}
	var total int64
	for _, item := range items {
		price, known := s.Prices[item.SKU]
		if !known {
			return 0, fmt.Errorf("there is no article %q", item.SKU)
		}
		if item.Quantity < 1 || item.Quantity > mostQuantity {
			return 0, fmt.Errorf("a quantity is a whole number from 1 to %d", mostQuantity)
		}
		total += price * item.Quantity
	}
	return total, nil
}
