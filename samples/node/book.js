// Books a table, then waits for the event that tells everybody: `npm start`.
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { BookingClient, Refused } from './booking-client.js'
import { bookingEvents } from './booking-events.js'

const servers = process.env.KAFKA_BOOTSTRAP_SERVERS.split(',')
const prefix = process.env.TOPIC_PREFIX ?? 'booking'
const replyTopic = process.env.REPLY_TOPIC // your service's own: <prefix>.replies.<service>
const token = process.env.GUEST_TOKEN // of the guest for whom you book

const tomorrow = new Date()
tomorrow.setUTCDate(tomorrow.getUTCDate() + 1)
tomorrow.setUTCHours(19, 0, 0, 0)
const wish = {
  venue_id: process.env.VENUE_ID || randomUUID(),
  venue_type: 'restaurant',
  booking_time: tomorrow.toISOString(),
  party_size: 2,
  guest_name: 'Ada Lovelace'
}
const orderNumber = randomUUID() // keep it with your order before you send anything

const client = await BookingClient.start(servers, prefix, replyTopic)
try {
  const booking = await client.createBooking(wish, token, orderNumber)
  console.log(`booked ${booking.booking_reference}, ${booking.total_price} ${booking.currency}`)
  for await (const { event_type: type, payload } of bookingEvents(servers, prefix, 'sample-node')) {
    if (payload.booking_id === booking.id) {
      console.log(`${type} ${payload.booking_reference}`)
      break
    }
  }
} catch (error) {
  if (!(error instanceof Refused)) throw error
  console.log(`refused: ${error.message}`)
  process.exitCode = 1
} finally {
  await client.stop()
}
