package main

import (
	"testing"
	"time"
)

func TestTheCompiledPriceListIsComplete(t *testing.T) {
	shop := newShop()
	if len(shop.Prices) == 0 || len(shop.Offers) == 0 {
		t.Fatal("shop.json has no prices or no offers")
	}
	for _, offer := range shop.Offers {
		if price, known := shop.Prices[offer.SKU]; !known || offer.PriceCents >= price {
			t.Errorf("the offer for %q is no offer", offer.SKU)
		}
	}
}

func TestABasketIsAddedUp(t *testing.T) {
	total, err := newShop().Total([]Item{{"tea", 2}, {"cup", 1}})
	if err != nil || total != 2*350+1250 {
		t.Errorf("got %d, %v", total, err)
	}
}

func TestAWrongBasketIsRefused(t *testing.T) {
	for name, items := range map[string][]Item{
		"empty":     {},
		"unknown":   {{"gold", 1}},
		"none":      {{"tea", 0}},
		"negative":  {{"tea", -1}},
		"very many": {{"tea", mostQuantity + 1}},
		"very long": make([]Item, mostItems+1),
	} {
		if total, err := newShop().Total(items); err == nil {
			t.Errorf("%s: got %d", name, total)
		}
	}
}

func TestOffersGoByTheClockOfTheZone(t *testing.T) {
	noonInUTC := time.Date(2026, 1, 15, 11, 30, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	before, after := newShop().OffersAt(noonInUTC), newShop().OffersAt(noonInUTC.In(berlin))
	if len(before) != 1 || before[0].SKU != "tea" {
		t.Errorf("11:30: %v", before)
	}
	if len(after) != 1 || after[0].SKU != "coffee" {
		t.Errorf("12:30: %v", after)
	}
}
