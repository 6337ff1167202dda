import { spawn, type ChildProcess } from 'node:child_process';
import { Kafka, logLevel, type Admin, type Consumer, type Producer } from 'kafkajs';

import { untilLed } from '../../stack/events.js';
import { classPath, java, jvmFlags, serverEnv } from '../../stack/java.js';

/** Does to a real Kafka what the product must not. */
export interface KafkaHands {
  readonly admin: Admin;
  create(topic: string, partitions?: number, settings?: Readonly<Record<string, string>>): Promise<void>;
  produce(topic: string, partition: number, records: readonly Sent[], gzip?: boolean): Promise<void>;
  /** Moves the log start, as retention would. */
  deleteBefore(topic: string, partition: number, offset: bigint): Promise<void>;
  /** Leaves a transaction open with that many records in it. */
  openTransaction(topic: string, records: number): Promise<void>;
  /** Joins the group and stays in it. */
  join(group: string, topic: string): Promise<Consumer>;
  /** Joins the group by the consumer protocol of Kafka 4, which needs Kafka's own client; resolves to leaving it. */
  joinModern(group: string, topic: string): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface Sent {
  readonly value: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

const GZIP = 1;

/** @param broker `host:port` */
export async function kafkaHands(broker: string): Promise<KafkaHands> {
  const kafka = new Kafka({ clientId: 'hands', brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const open: (Producer | Consumer)[] = [];
  const processes: ChildProcess[] = [];
  await admin.connect();
  await producer.connect();
  return {
    admin,
    create: async (topic, partitions = 1, settings = {}) => {
      await admin.createTopics({
        waitForLeaders: false,
        topics: [
          {
            topic,
            numPartitions: partitions,
            configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
          },
        ],
      });
      await untilLed(admin, [topic]);
    },
    produce: async (topic, partition, records, gzip = false) => {
      await producer.send({
        topic,
        ...(gzip ? { compression: GZIP } : {}),
        messages: records.map(({ value, time }) => ({ partition, value, timestamp: String(time) })),
      });
    },
    deleteBefore: async (topic, partition, offset) => {
      // The client looks for the leader in metadata that only this call makes it load.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: offset.toString() }] });
    },
    openTransaction: async (topic, records) => {
      const transactional = kafka.producer({
        transactionalId: `open-${topic}`,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await transactional.connect();
      open.push(transactional);
      const transaction = await transactional.transaction();
      await transaction.send({
        topic,
        messages: Array.from({ length: records }, (_, index) => ({ partition: 0, value: `open-${index}` })),
      });
    },
    join: async (group, topic) => {
      const consumer = kafka.consumer({ groupId: group, sessionTimeout: 6_000, heartbeatInterval: 500 });
      await consumer.connect();
      open.push(consumer);
      const joined = new Promise<void>((resolve) => {
        consumer.on(consumer.events.GROUP_JOIN, () => resolve());
      });
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({ autoCommit: false, eachMessage: async () => undefined });
      await joined;
      return consumer;
    },
    joinModern: async (group, topic) => {
      const arguments_ = [
        '--bootstrap-server',
        broker,
        '--topic',
        topic,
        '--group',
        group,
        '--from-beginning',
      ];
      const consumer = spawn(
        java,
        [
          ...jvmFlags,
          ...['-cp', classPath('kafka'), 'org.apache.kafka.tools.consumer.ConsoleConsumer'],
          ...arguments_,
          ...['--command-property', 'group.protocol=consumer'],
        ],
        { stdio: ['ignore', 'pipe', 'pipe'], env: serverEnv() },
      );
      processes.push(consumer);
      let said = '';
      consumer.stderr.on('data', (bytes) => (said += String(bytes)));
      await new Promise<void>((resolve, reject) => {
        consumer.stdout.once('data', () => resolve());
        consumer.once('exit', (code) => reject(new Error(`the consumer ended (${code}): ${said}`)));
      });
      return () => end(consumer);
    },
    close: async () => {
      await Promise.all(processes.map(end));
      await Promise.allSettled([...open, producer, admin].map((client) => client.disconnect()));
    },
  };
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = new Promise((resolve) => process.once('exit', resolve));
  process.kill('SIGTERM');
  await ended;
}
