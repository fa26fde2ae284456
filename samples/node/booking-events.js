// Events of the booking service, each once and in the order of its booking.
import { Consumer, MessagesStreamFallbackModes, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'

// --8<-- [start:events]
/** Each event that is new; one is done with when the next is asked for. */
export async function * bookingEvents (servers, prefix, group) {
  const consumer = new Consumer({
    clientId: 'booking-sample',
    bootstrapBrokers: servers,
    groupId: group,
    deserializers: stringDeserializers,
    isolationLevel: 1 // read_committed
  })
  const seen = new Set() // in your database, written with what the event changes there
  try {
    const records = await consumer.consume({
      topics: [`${prefix}.events`],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST, // all there ever was: events are kept for ever
      autocommit: false
    })
    for await (const record of records) {
      const event = JSON.parse(record.value)
      if (!seen.has(event.event_id)) {
        seen.add(event.event_id)
        yield event
      }
      await record.commit() // after the work: rather twice than never
    }
  } finally {
    await consumer.close(true)
  }
}
// --8<-- [end:events]
