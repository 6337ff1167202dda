import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin, type Producer } from 'kafkajs';
import {
  compare,
  END_KEY,
  endLine,
  eventLine,
  keyOf,
  lastWindows,
  nameOf,
  SHAPE,
  type StreamShape,
  type WindowLine,
  type WindowReport,
} from './truth.js';
import { openLog } from './kafka-log.js';
import { until } from './wait.js';

const MAX_BATCH = 2000;

const FINISH_WITHIN_MS = 60_000;

const kafkaAt = (broker: string): Kafka =>
  new Kafka({
    clientId: 'stack',
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    requestTimeout: 10_000,
  });

export interface TopicSpec {
  readonly topic: string;
  /** Default 2. */
  readonly partitions?: number;
}

/** Until every partition of these topics has a leader. */
export const untilLed = (admin: Admin, names: string[]): Promise<true> =>
  until(`topics ${names.join(', ')} have leaders`, async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    return topics.every(({ partitions }) => partitions.length > 0 && partitions.every((p) => p.leader >= 0));
  });

/** Creates topics that keep their records for ever, and returns when all partitions have leaders. */
export async function createTopics(broker: string, topics: readonly TopicSpec[]): Promise<void> {
  const admin = kafkaAt(broker).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      // KafkaJS gives up its wait when a broker has not heard of the topic yet.
      waitForLeaders: false,
      topics: topics.map(({ topic, partitions = 2 }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: [{ name: 'retention.ms', value: '-1' }],
      })),
    });
    await untilLed(
      admin,
      topics.map(({ topic }) => topic),
    );
  } finally {
    await admin.disconnect();
  }
}

async function logStarts(broker: string, topic: string): Promise<ReadonlyMap<number, number>> {
  const admin = kafkaAt(broker).admin();
  await admin.connect();
  try {
    const partitions = await admin.fetchTopicOffsets(topic);
    return new Map(partitions.map(({ partition, low }) => [partition, Number(low)]));
  } finally {
    await admin.disconnect();
  }
}

/** Records in a topic: sum over its partitions of end minus start, control records included. */
export async function countRecords(broker: string, topic: string): Promise<number> {
  const admin = kafkaAt(broker).admin();
  await admin.connect();
  try {
    const partitions = await admin.fetchTopicOffsets(topic);
    return partitions.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
}

/** Committed offset of each partition of a group; -1: none. */
export async function committedOffsets(
  broker: string,
  group: string,
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  const admin = kafkaAt(broker).admin();
  await admin.connect();
  try {
    const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    return new Map((answer?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]));
  } finally {
    await admin.disconnect();
  }
}

/** Deletes the records before these offsets, as retention would. */
export async function deleteRecordsBefore(
  broker: string,
  topic: string,
  offsets: ReadonlyMap<number, number>,
): Promise<void> {
  const admin = kafkaAt(broker).admin();
  await admin.connect();
  try {
    // The admin client knows only topics that it was asked about before.
    await admin.fetchTopicOffsets(topic);
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    await admin.deleteTopicRecords({ topic, partitions });
  } finally {
    await admin.disconnect();
  }
}

export interface EventsOptions {
  /** `host:port` */
  readonly broker: string;
  /** The same stream goes to each of them. Must exist; all with this number of partitions. */
  readonly topics: readonly string[];
  /** Default 2. */
  readonly partitions?: number;
  /** Events per second; undefined: as fast as Kafka takes them (then `count` is needed). */
  readonly rate?: number;
  /** Ends by itself after so many events. Undefined: goes on until `finish` or `stop`. */
  readonly count?: number;
  readonly shape?: StreamShape;
}

export interface EventStream {
  readonly shape: StreamShape;
  /** Events that Kafka has confirmed so far. Events 0 to sent - 1 are in every topic, each once. */
  readonly sent: () => number;
  /** Resolves when `count` events are sent; rejects when the stream broke. */
  readonly done: Promise<void>;
  /**
   * Ends the stream without closing the last windows; returns the number of confirmed events. Does not wait for a
   * Kafka that is away.
   */
  stop(): Promise<number>;
  /**
   * Ends the stream, closes its last windows with one event far ahead per partition, proves that every topic holds
   * exactly what was sent, and returns the number of events that count. The stream cannot go on afterwards.
   * Fails when Kafka does not confirm it within a minute.
   * @param deleted records that were deleted from each topic meanwhile. Default 0.
   */
  finish(deleted?: number): Promise<number>;
}

/** Events of one key stay together by tens, and every partition gets some of every key. */
const partitionOf = (shape: StreamShape, n: number, partitions: number): number =>
  Math.floor(n / shape.keys) % partitions;

interface Line {
  readonly key: string;
  readonly value: string;
  readonly partition: number;
}

/**
 * Sends the numbered stream in the background. The producer is idempotent and confirms one batch before the next; a
 * batch that failed is sent again as it was, under the same sequence numbers, until Kafka confirms it. So an outage of
 * Kafka (or of anything else) delays events, but neither loses nor repeats any.
 */
export async function startEvents(options: EventsOptions): Promise<EventStream> {
  const { broker, topics, partitions = 2, rate, count = Number.POSITIVE_INFINITY, shape = SHAPE } = options;
  if (rate === undefined && count === Number.POSITIVE_INFINITY)
    throw new Error('a stream without a rate needs a count');
  const producer: Producer = kafkaAt(broker).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // The loop below repeats; kafkajs itself gives up on a refused connection, whatever it is told here.
    retry: { retries: 1, initialRetryTime: 100 },
  });
  await producer.connect();
  const stopping = new AbortController();
  let sent = 0;
  /** Set by `finish`: until then a batch in doubt is still repeated. */
  let deadline = 0;

  /** False: stopped before Kafka confirmed it. */
  async function send(lines: readonly Line[]): Promise<boolean> {
    for (;;) {
      try {
        await producer.sendBatch({
          acks: -1,
          topicMessages: topics.map((topic) => ({ topic, messages: [...lines] })),
        });
        return true;
      } catch (error) {
        if (stopping.signal.aborted && performance.now() > deadline) {
          if (deadline === 0) return false;
          throw error;
        }
        await sleep(200);
      }
    }
  }

  function batch(from: number, to: number): readonly Line[] {
    return Array.from({ length: to - from }, (_, index) => {
      const n = from + index;
      return {
        key: keyOf(shape, n),
        value: eventLine(shape, n),
        partition: partitionOf(shape, n, partitions),
      };
    });
  }

  async function pump(): Promise<void> {
    const started = performance.now();
    while (sent < count && !stopping.signal.aborted) {
      // After an outage the stream catches up with what is due, in bounded batches.
      const due = rate === undefined ? count : Math.floor(((performance.now() - started) / 1000) * rate);
      const next = Math.min(count, due, sent + MAX_BATCH);
      if (next > sent) {
        if (!(await send(batch(sent, next)))) return;
        sent = next;
      }
      if (rate !== undefined && sent < count)
        await sleep(100, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const done = pump();
  // Seen by whoever asks; an unasked failure must not end the process.
  done.catch(() => undefined);

  async function stop(): Promise<number> {
    stopping.abort();
    await done;
    await producer.disconnect();
    return sent;
  }

  async function finish(deleted = 0): Promise<number> {
    deadline = performance.now() + FINISH_WITHIN_MS;
    stopping.abort();
    await done;
    await send(
      Array.from({ length: partitions }, (_, partition) => ({
        key: END_KEY,
        value: endLine(shape, sent),
        partition,
      })),
    );
    await producer.disconnect();
    for (const topic of topics) {
      const records = await countRecords(broker, topic);
      const expected = sent + partitions - deleted;
      if (records !== expected)
        throw new Error(`${topic} holds ${records} records instead of ${expected}: the truth is not known`);
    }
    return sent;
  }

  return { shape, sent: () => sent, done, stop, finish };
}

export interface CheckOptions {
  readonly broker: string;
  /** Topic of the sink. */
  readonly topic: string;
  /** What `finish` returned. */
  readonly events: number;
  readonly shape?: StreamShape;
  /** Only committed records; for an exactly-once sink. Default true. */
  readonly readCommitted?: boolean;
  /** Milliseconds to wait for the last window of every key. Default 60 s. */
  readonly within?: number;
  /** Only windows that start at or after this (event time, milliseconds). Default: all. */
  readonly from?: number;
}

export interface CheckResult extends WindowReport {
  /** False: the deadline passed before the last window of every key was there. */
  readonly complete: boolean;
}

/**
 * Reads the sink until the last window of every key is there (the job keys its lines, so those of one key are in
 * order), then on to the end of the log at that moment, and compares with the truth. When the deadline passes first,
 * it compares what is there.
 */
export async function checkWindows(options: CheckOptions): Promise<CheckResult> {
  const { broker, topic, events, shape = SHAPE, readCommitted = true, within = 60_000, from } = options;
  const wanted = new Set(lastWindows(shape, events));
  const lines: WindowLine[] = [];
  const log = await openLog(broker, topic, await logStarts(broker, topic), readCommitted);
  const deadline = performance.now() + within;
  try {
    do {
      for (const { value } of await log.poll()) {
        const line = JSON.parse(value?.toString() ?? '') as WindowLine;
        lines.push(line);
        wanted.delete(nameOf(line));
      }
    } while ((wanted.size > 0 || !log.atEnd()) && performance.now() < deadline);
    return { ...compare(shape, events, lines, from), complete: wanted.size === 0 };
  } finally {
    log.close();
  }
}
