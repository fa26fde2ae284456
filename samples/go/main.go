// Books a table, then waits for the event that tells everybody: `go run .`
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
)

func main() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	servers := strings.Split(os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), ",")
	prefix := cmp.Or(os.Getenv("TOPIC_PREFIX"), "booking")
	// Your service's own: <prefix>.replies.<service>
	client, err := StartClient(ctx, servers, prefix, os.Getenv("REPLY_TOPIC"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	tomorrow := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	wish := Wish{
		VenueID:     cmp.Or(os.Getenv("VENUE_ID"), uuid.NewString()),
		VenueType:   "restaurant",
		BookingTime: tomorrow.Add(19 * time.Hour),
		PartySize:   2,
		GuestName:   "Ada Lovelace",
	}
	token := os.Getenv("GUEST_TOKEN") // of the guest for whom you book
	orderNumber := uuid.NewString()   // keep it with your order before you send anything
	booking, err := client.CreateBooking(ctx, wish, token, orderNumber)
	if refusal := (*Refused)(nil); errors.As(err, &refusal) {
		fmt.Println("refused:", refusal)
		os.Exit(1)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("booked %s, %s %s\n", booking.Reference, booking.TotalPrice, booking.Currency)

	err = FollowEvents(ctx, servers, prefix, "sample-go", func(event Event) bool {
		if event.Payload.BookingID != booking.ID {
			return true
		}
		fmt.Println(event.Type, event.Payload.BookingReference)
		return false
	})
	if err != nil {
		log.Fatal(err)
	}
}
