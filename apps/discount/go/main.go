// A discount rule: what an order costs after the shop's rebates, for orders on the command line.
package main

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

const (
	mostLines  = 100
	mostPieces = 10_000
	mostCents  = 1_000_000
	manyPieces = 10        // from here on 5 % off the line
	largeOrder = 100 * 100 // cents; from here on another 2 % off the whole
)

type line struct{ quantity, cents int64 }

var errLine = errors.New("no line of an order: SKU=QUANTITY@CENTS")

// number reads 1 to most.
func number(text string, most int64) (int64, error) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, errLine
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 1 || value > most {
		return 0, errLine
	}
	return value, nil
}

func readLine(text string) (line, error) {
	sku, rest, found := strings.Cut(text, "=")
	quantity, cents, priced := strings.Cut(rest, "@")
	if !found || !priced || sku == "" {
		return line{}, errLine
	}
	pieces, err := number(quantity, mostPieces)
	if err != nil {
		return line{}, err
	}
	price, err := number(cents, mostCents)
	return line{pieces, price}, err
}

// quote gives total and discount in cents.
func quote(lines []line) (total, discount int64) {
	for _, l := range lines {
		price := l.quantity * l.cents
		total += price
		if l.quantity >= manyPieces {
			discount += price * 5 / 100
		}
	}
	if total >= largeOrder {
		discount += (total - discount) * 2 / 100
	}
	return total, discount
}

func run(words []string) (string, error) {
	if len(words) < 1 || len(words) > mostLines {
		return "", errors.New("give 1 to 100 lines, each SKU=QUANTITY@CENTS")
	}
	lines := make([]line, 0, len(words))
	for _, word := range words {
		l, err := readLine(word)
		if err != nil {
			return "", errors.New(word + " is " + err.Error())
		}
		lines = append(lines, l)
	}
	total, discount := quote(lines)
	return `{"totalCents":` + strconv.FormatInt(total, 10) +
		`,"discountCents":` + strconv.FormatInt(discount, 10) +
		`,"toPayCents":` + strconv.FormatInt(total-discount, 10) + "}", nil
}

func main() {
	answer, err := run(os.Args[1:])
	if err != nil {
		os.Stderr.WriteString("discount: " + err.Error() + "\n")
		os.Exit(2)
	}
	os.Stdout.WriteString(answer + "\n")
}
