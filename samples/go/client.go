package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	patience = 10 * time.Second
	tries    = 3
)

// ErrNoReply says that nobody answered in time.
var ErrNoReply = errors.New("no reply")

// Refused is the service's no: the code to act on, a detail to read, and whether to send it again.
type Refused struct {
	Code              string `json:"code"`
	Detail            string `json:"detail"`
	Retryable         bool   `json:"retryable"`
	RetryAfterSeconds int    `json:"retry_after_seconds"`
}

func (r *Refused) Error() string { return fmt.Sprintf("%s (%s)", r.Code, r.Detail) }

// Wish is what is to be booked.
type Wish struct {
	VenueID     string    `json:"venue_id"`
	VenueType   string    `json:"venue_type"`
	BookingTime time.Time `json:"booking_time"`
	PartySize   int       `json:"party_size"`
	GuestName   string    `json:"guest_name"`
}

// Booking is what came of it; there are more fields.
type Booking struct {
	ID         string `json:"id"`
	Reference  string `json:"booking_reference"`
	TotalPrice string `json:"total_price"` // money is text: no float loses a cent
	Currency   string `json:"currency"`
}

type command struct {
	Type           string `json:"type"`
	CommandID      string `json:"command_id"`
	IdempotencyKey string `json:"idempotency_key"`
	Data           Wish   `json:"data"`
}

type reply struct {
	Data  *Booking `json:"data"`
	Error *Refused `json:"error"`
}

// Client publishes commands and finds their replies by correlation id; one for a whole process.
type Client struct {
	kafka      *kgo.Client
	commands   string
	replyTopic string
	waiting    sync.Map // correlation id → chan []byte
}

// StartClient reads replies from now on. It is in no group: every process reads all of them, and
// takes its own.
func StartClient(ctx context.Context, servers []string, prefix, replyTopic string) (*Client, error) {
	// From a minute ago on, as clocks differ; replies to others are let go.
	since := time.Now().Add(-time.Minute)
	kafka, err := kgo.NewClient(
		kgo.SeedBrokers(servers...),
		kgo.ConsumeTopics(replyTopic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AfterMilli(since.UnixMilli())),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return nil, err
	}
	client := &Client{kafka: kafka, commands: prefix + ".commands", replyTopic: replyTopic}
	go client.readReplies()
	return client, kafka.Ping(ctx)
}

func (c *Client) Close() { c.kafka.Close() }

// --8<-- [start:create]

// CreateBooking gives the booking, or *Refused, or ErrNoReply when nobody answers in time.
func (c *Client) CreateBooking(ctx context.Context, wish Wish, token, idempotencyKey string) (*Booking, error) {
	var err error
	for range tries {
		var answer *reply
		answer, err = c.ask(ctx, token, wish.VenueID, command{
			Type:           "create_booking",
			CommandID:      uuid.NewString(), // new with each try
			IdempotencyKey: idempotencyKey,   // the same: nothing is booked twice
			Data:           wish,
		})
		switch {
		case errors.Is(err, ErrNoReply):
			continue // lost or late; the key brings the first answer back
		case err != nil:
			return nil, err
		case answer.Error == nil:
			return answer.Data, nil
		case !answer.Error.Retryable:
			return nil, answer.Error
		}
		err = answer.Error
		fmt.Printf("%s: trying again\n", answer.Error.Code)
		time.Sleep(time.Duration(max(1, answer.Error.RetryAfterSeconds)) * time.Second)
	}
	return nil, err
}

func (c *Client) ask(ctx context.Context, token, key string, message command) (*reply, error) {
	value, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	correlationID := uuid.NewString()
	arrived := make(chan []byte, 1)
	c.waiting.Store(correlationID, arrived)
	defer c.waiting.Delete(correlationID)
	record := &kgo.Record{
		Topic: c.commands,
		Key:   []byte(strings.ToLower(key)),
		Value: value,
		Headers: []kgo.RecordHeader{
			{Key: "authorization", Value: []byte("Bearer " + token)},
			{Key: "correlation_id", Value: []byte(correlationID)},
			{Key: "reply_to", Value: []byte(c.replyTopic)},
		},
	}
	if err := c.kafka.ProduceSync(ctx, record).FirstErr(); err != nil {
		return nil, err
	}
	select {
	case value := <-arrived:
		answer := new(reply)
		return answer, json.Unmarshal(value, answer)
	case <-time.After(patience):
		return nil, ErrNoReply
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Client) readReplies() {
	for {
		fetches := c.kafka.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachRecord(func(record *kgo.Record) {
			for _, header := range record.Headers {
				if header.Key != "correlation_id" {
					continue
				}
				if arrived, ok := c.waiting.LoadAndDelete(string(header.Value)); ok {
					arrived.(chan []byte) <- record.Value
				}
			}
		})
	}
}

// --8<-- [end:create]
