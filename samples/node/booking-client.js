// Commands to the booking service, each with its reply.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  compatibilityPartitioner, Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers
} from '@platformatic/kafka'

const PATIENCE_MS = 10_000
const TRIES = 3

/** The service said no, and sending the same again would not help. */
export class Refused extends Error {}

/** Nobody answered in time. */
export class Unanswered extends Error {}

/** Publishes commands and finds their replies by correlation id; one for a whole process. */
export class BookingClient {
  #commands
  #replyTopic
  #producer
  #replies
  #waiting = new Map()

  static async start (servers, prefix, replyTopic) {
    const client = new BookingClient()
    client.#commands = `${prefix}.commands`
    client.#replyTopic = replyTopic
    const usual = { clientId: 'booking-sample', bootstrapBrokers: servers }
    client.#producer = new Producer({
      ...usual,
      serializers: stringSerializers,
      idempotent: true,
      partitioner: compatibilityPartitioner // as Kafka's own clients do; the library's default differs
    })
    // A group of its own: every process reads all replies from now on, and takes its own.
    client.#replies = new Consumer({
      ...usual, groupId: `sample-node-${randomUUID()}`, deserializers: stringDeserializers
    })
    // Where the topic ends is found out before anything is sent.
    const topics = [replyTopic]
    const ends = await client.#replies.listOffsets({ topics })
    const offsets = ends.get(replyTopic).map((offset, partition) => ({ topic: replyTopic, partition, offset }))
    const stream = await client.#replies.consume({
      topics, mode: MessagesStreamModes.MANUAL, offsets, autocommit: false
    })
    stream.on('data', record => client.#take(record))
    return client
  }

  async stop () {
    await this.#replies.close(true)
    await this.#producer.close()
  }

  // --8<-- [start:create]
  /** The booking. Throws Refused, or Unanswered when nobody answers in time. */
  async createBooking (wish, token, idempotencyKey) {
    for (let tryNumber = 1; ; tryNumber++) {
      const last = tryNumber === TRIES
      const command = {
        type: 'create_booking',
        command_id: randomUUID(), // new with each try
        idempotency_key: idempotencyKey, // the same: nothing is booked twice
        data: wish
      }
      const reply = await this.#ask(command, wish.venue_id, token)
      if (reply === null) {
        if (last) throw new Unanswered('no reply')
        continue // lost or late; the key brings the first answer back
      }
      const { error, data } = reply
      if (error === null) return data
      if (last || !error.retryable) throw new Refused(`${error.code} (${error.detail})`)
      console.log(`${error.code}: trying again`)
      await sleep((error.retry_after_seconds ?? 1) * 1000)
    }
  }

  async #ask (command, key, token) {
    const correlationId = randomUUID()
    const reply = new Promise(resolve => this.#waiting.set(correlationId, resolve))
    try {
      await this.#producer.send({
        messages: [{
          topic: this.#commands,
          key: key.toLowerCase(),
          value: JSON.stringify(command),
          headers: {
            authorization: `Bearer ${token}`,
            correlation_id: correlationId,
            reply_to: this.#replyTopic
          }
        }]
      })
      return await Promise.race([reply, sleep(PATIENCE_MS, null, { ref: false })])
    } finally {
      this.#waiting.delete(correlationId)
    }
  }

  #take (record) {
    const resolve = this.#waiting.get(record.headers.get('correlation_id'))
    resolve?.(JSON.parse(record.value))
  }
  // --8<-- [end:create]
}
