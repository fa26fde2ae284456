package main

import (
	"context"
	"encoding/json"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Event is what everybody is told; fields that you do not know are to be ignored.
type Event struct {
	ID      string `json:"event_id"`
	Type    string `json:"event_type"`
	Payload struct {
		BookingID        string `json:"booking_id"`
		BookingReference string `json:"booking_reference"`
		BookingVersion   int    `json:"booking_version"`
		Status           string `json:"status"`
	} `json:"payload"`
}

// --8<-- [start:events]

// FollowEvents hands each new event to take, in the order of its booking, until take says false.
func FollowEvents(ctx context.Context, servers []string, prefix, group string, take func(Event) bool) error {
	consumer, err := kgo.NewClient(
		kgo.SeedBrokers(servers...),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(prefix+".events"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // all there ever was: events are kept for ever
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.DisableAutoCommit(),
	)
	if err != nil {
		return err
	}
	defer consumer.Close()
	seen := map[string]bool{} // in your database, written with what the event changes there
	for {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			var event Event
			if err := json.Unmarshal(record.Value, &event); err != nil {
				return err
			}
			if !seen[event.ID] {
				seen[event.ID] = true
				if !take(event) {
					return consumer.CommitRecords(ctx, record)
				}
			}
		}
		// After the work: rather twice than never.
		if err := consumer.CommitRecords(ctx, fetches.Records()...); err != nil {
			return err
		}
	}
}

// --8<-- [end:events]
