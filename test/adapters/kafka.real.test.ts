import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaLog } from '../../adapters/kafka.js';
import type { Call, Kafka } from '../../adapters/ports.js';
import { HoldfastError } from '../../domain/failure.js';
import { type Server, type Stack, startStack, until } from '../../stack/index.js';
import { faultyProxy } from '../support/faulty-proxy.js';
import { type KafkaHands, kafkaHands } from '../support/kafka-hands.js';

/** Milliseconds that a busy machine may add to a deadline before a test calls it late. */
const NOISE = 1_500;
const TIME = 1_700_000_000_000;

let stack: Stack;
let server: Server;
let broker: string;
let hands: KafkaHands;
let log: Kafka;

beforeAll(async () => {
  stack = await startStack({ flink: 'none', nameNodes: 0, zooKeepers: 0, label: 'kafka-adapter' });
  server = stack.server('kafka');
  broker = stack.endpoints.kafka as string;
  hands = await kafkaHands(broker);
  log = kafkaLog('main', { brokers: [broker] });
  // Kafka makes the topic of its groups when the first one is asked for.
  await until('groups are served', async () => (await log.group('first', [], call())).is === 'present');
});
afterAll(async () => {
  await hands?.close();
  await stack?.stop();
});

const call = (deadline = 6_000): Call => ({ signal: new AbortController().signal, deadline });
const records = (count: number, from = TIME) =>
  Array.from({ length: count }, (_, index) => ({ value: `v${index}`, time: from + index * 1_000 }));
const faultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ code: 'nothing failed' }),
    (error: unknown) => (error instanceof HoldfastError ? error.fault : { code: String(error) }),
  );
const rangeOf = async (topic: string, partition = 0) => {
  const reading = await log.ranges(topic, call());
  return reading.is === 'present' ? reading.value.find((range) => range.partition === partition) : reading;
};

describe('the log', () => {
  it('has start and end, and a moved start after records were deleted', async () => {
    await hands.create('moved', 2);
    await hands.produce('moved', 0, records(10));
    expect(await rangeOf('moved')).toMatchObject({ start: 0n, end: 10n });
    await hands.deleteBefore('moved', 0, 4n);
    expect(await rangeOf('moved')).toMatchObject({ start: 4n, end: 10n });
    expect(await rangeOf('moved', 1)).toMatchObject({ start: 0n, end: 0n });
    expect(await log.timestamps([{ topic: 'moved', partition: 0, offset: 3n }], call())).toMatchObject({
      is: 'unknown',
      because: { code: 'OffsetsGone' },
    });
  });

  it('ends after an open transaction, not before it', async () => {
    await hands.create('open');
    await hands.produce('open', 0, records(3));
    await hands.openTransaction('open', 5);
    const [stable] = await hands.admin.fetchTopicOffsets('open');
    expect(stable?.high).toBe('3');
    expect(await rangeOf('open')).toMatchObject({ start: 0n, end: 8n });
  });

  it('shows partitions that were added', async () => {
    await hands.create('grown');
    expect(await log.ranges('grown', call())).toMatchObject({ value: { length: 1 } });
    await hands.admin.createPartitions({ topicPartitions: [{ topic: 'grown', count: 3 }] });
    await expect
      .poll(
        async () => {
          const reading = await log.ranges('grown', call());
          return reading.is === 'present' ? reading.value.length : reading;
        },
        { timeout: 20_000 },
      )
      .toBe(3);
  });

  it('is absent after the topic was deleted, and another one after it was created again', async () => {
    await hands.create('replaced');
    await hands.produce('replaced', 0, records(10));
    await hands.admin.deleteTopics({ topics: ['replaced'] });
    await expect.poll(() => log.ranges('replaced', call()), { timeout: 20_000 }).toEqual({ is: 'absent' });
    expect(await log.settings('replaced', call())).toEqual({ is: 'absent' });
    expect(await log.offsetsAt('replaced', TIME, call())).toEqual({ is: 'absent' });
    expect(await log.timestamps([{ topic: 'replaced', partition: 0, offset: 0n }], call())).toEqual({
      is: 'absent',
    });
    await hands.create('replaced');
    await hands.produce('replaced', 0, records(2));
    expect(await rangeOf('replaced')).toMatchObject({ start: 0n, end: 2n });
    expect(await log.timestamps([{ topic: 'replaced', partition: 0, offset: 8n }], call())).toMatchObject({
      is: 'unknown',
      because: { code: 'LogReplaced' },
    });
  });

  it('is not created by looking for it', async () => {
    expect(await log.ranges('never', call())).toEqual({ is: 'absent' });
    expect(await hands.admin.listTopics()).not.toContain('never');
  });

  it('gives offsets for a time', async () => {
    await hands.create('timed', 2);
    await hands.produce('timed', 0, records(10));
    const at = (time: number) => log.offsetsAt('timed', time, call());
    expect(await at(TIME - 1)).toMatchObject({ value: [{ offset: 0n }, { offset: 0n }] });
    expect(await at(TIME + 4_500)).toMatchObject({ value: [{ offset: 5n }, { offset: 0n }] });
    expect(await at(TIME + 99_000)).toMatchObject({ value: [{ offset: 10n }, { offset: 0n }] });
  });

  for (const gzip of [false, true])
    it(`gives the timestamps of offsets (${gzip ? 'gzip' : 'plain'})`, async () => {
      const topic = `stamped-${gzip}`;
      await hands.create(topic, 2);
      await hands.produce(topic, 0, records(10), gzip);
      await hands.produce(topic, 1, records(10, TIME + 500), gzip);
      const at = (partition: number, offset: bigint) => ({ topic, partition, offset });
      expect(await log.timestamps([at(0, 0n), at(0, 7n), at(1, 9n), at(1, 10n)], call())).toEqual({
        is: 'present',
        value: [
          { topic, partition: 0, time: TIME, transactional: false },
          { topic, partition: 0, time: TIME + 7_000, transactional: false },
          { topic, partition: 1, time: TIME + 9_500, transactional: false },
          { topic, partition: 1, time: null, transactional: false },
        ],
      });
    });

  it('gives the timestamps of many partitions with large batches', async () => {
    await hands.create('wide', 12);
    const large = [{ value: 'x'.repeat(300_000), time: TIME }];
    for (let partition = 0; partition < 12; partition++) await hands.produce('wide', partition, large);
    const reading = await log.timestamps(
      Array.from({ length: 12 }, (_, partition) => ({ topic: 'wide', partition, offset: 0n })),
      call(),
    );
    expect(reading).toMatchObject({ value: Array.from({ length: 12 }, () => ({ time: TIME })) });
  });

  it('gives retention and compaction', async () => {
    await hands.create('kept', 1, { 'retention.ms': '86400000', 'retention.bytes': '1048576' });
    expect(await log.settings('kept', call())).toEqual({
      is: 'present',
      value: { retentionMs: 86_400_000, retentionBytes: 1_048_576, compacted: false },
    });
    await hands.create('compacted', 1, { 'cleanup.policy': 'compact', 'retention.ms': '1000' });
    expect(await log.settings('compacted', call())).toEqual({
      is: 'present',
      value: { retentionMs: null, retentionBytes: null, compacted: true },
    });
    await hands.create('default');
    // The stack's broker keeps records for ever.
    expect(await log.settings('default', call())).toMatchObject({ value: { retentionMs: null } });
  });
});

describe('a group', () => {
  const at = (partition: number, offset: bigint) => ({ topic: 'grouped', partition, offset });
  beforeAll(async () => {
    await hands.create('grouped', 3);
    for (const partition of [0, 1, 2]) await hands.produce('grouped', partition, records(10));
  });

  it('that nobody ever used is Dead, takes offsets, and is Empty then', async () => {
    expect(await log.group('fresh', ['grouped'], call())).toEqual({
      is: 'present',
      value: { state: 'Dead', members: 0, offsets: [] },
    });
    await log.commitGroup('fresh', [at(0, 4n), at(1, 0n), at(2, 10n)], call());
    expect(await log.group('fresh', ['grouped'], call())).toEqual({
      is: 'present',
      value: { state: 'Empty', members: 0, offsets: [at(0, 4n), at(1, 0n), at(2, 10n)] },
    });
  });

  it('goes back as well as forward', async () => {
    await log.commitGroup('back', [at(0, 9n)], call());
    await log.commitGroup('back', [at(0, 2n)], call());
    expect(await log.group('back', ['grouped'], call())).toMatchObject({ value: { offsets: [at(0, 2n)] } });
  });

  it('keeps all its offsets when one of the new ones is out of range or of an unknown partition', async () => {
    await log.commitGroup('whole', [at(0, 5n)], call());
    for (const bad of [at(1, 11n), at(7, 0n), at(1, -1n), { topic: 'never', partition: 0, offset: 0n }])
      expect(await faultOf(log.commitGroup('whole', [at(0, 6n), bad], call()))).toMatchObject({
        code: 'OffsetsGone',
      });
    expect(await log.group('whole', ['grouped'], call())).toMatchObject({ value: { offsets: [at(0, 5n)] } });
  });

  it('with a live member is seen and not touched; the broker refuses it, too', async () => {
    await log.commitGroup('alive', [at(0, 5n)], call());
    const member = await hands.join('alive', 'grouped');
    expect(await log.group('alive', ['grouped'], call())).toMatchObject({
      value: { state: 'Stable', members: 1, offsets: [at(0, 5n)] },
    });
    expect(await faultOf(log.commitGroup('alive', [at(0, 6n)], call()))).toMatchObject({
      code: 'TwinRunning',
    });
    expect(await log.group('alive', ['grouped'], call())).toMatchObject({ value: { offsets: [at(0, 5n)] } });
    await member.disconnect();
    await expect
      .poll(() => faultOf(log.commitGroup('alive', [at(0, 6n)], call())), { timeout: 20_000 })
      .toEqual({ code: 'nothing failed' });
  });
});

describe('a group of the consumer protocol of Kafka 4', () => {
  it('is not taken for dead, and refuses the commit while it has a member', async () => {
    await hands.create('modern');
    await hands.produce('modern', 0, records(10));
    const offset = [{ topic: 'modern', partition: 0, offset: 4n }];
    const leave = await hands.joinModern('modern', 'modern');
    expect(await log.group('modern', ['modern'], call())).toMatchObject({ is: 'unknown' });
    expect(await faultOf(log.commitGroup('modern', offset, call()))).toMatchObject({ code: 'Unclassified' });
    await leave();
    expect(await log.group('modern', ['modern'], call())).toMatchObject({ is: 'unknown' });
  });
});

describe('a broker that fails', () => {
  const asks = (own: Kafka, deadline: number): Record<string, () => Promise<unknown>> => ({
    ranges: () => own.ranges('moved', call(deadline)),
    offsetsAt: () => own.offsetsAt('moved', TIME, call(deadline)),
    settings: () => own.settings('moved', call(deadline)),
    timestamps: () => own.timestamps([{ topic: 'moved', partition: 0, offset: 5n }], call(deadline)),
    group: () => own.group('fresh', ['moved'], call(deadline)),
  });
  const expectUnknown = async (own: Kafka, deadline: number) => {
    for (const [name, ask] of Object.entries(asks(own, deadline))) {
      const started = performance.now();
      expect(await ask(), name).toMatchObject({ is: 'unknown', because: { code: 'KafkaUnavailable' } });
      expect(performance.now() - started, name).toBeLessThan(deadline + 100 + NOISE);
    }
    const started = performance.now();
    const commit = own.commitGroup('fresh', [{ topic: 'moved', partition: 0, offset: 5n }], call(deadline));
    expect(await faultOf(commit)).toMatchObject({ code: 'KafkaUnavailable' });
    expect(performance.now() - started).toBeLessThan(deadline + 100 + NOISE);
  };

  for (const fault of [
    { is: 'refuse' },
    { is: 'reset' },
    { is: 'hang' },
    { is: 'mute' },
    { is: 'drip', every: 20 },
    { is: 'cut', bytes: 3, raw: true },
    { is: 'cut', bytes: 200, raw: true },
    { is: 'html', status: 200 },
  ] as const)
    it(`behind a bad line is unknown, and passed over when another line is good: ${JSON.stringify(fault)}`, async () => {
      const proxy = await faultyProxy(Number(broker.split(':')[1]));
      try {
        await proxy.set(fault);
        const own = kafkaLog('main', { brokers: [proxy.address] });
        expect(await own.ranges('moved', call(700))).toMatchObject({
          is: 'unknown',
          because: { code: 'KafkaUnavailable' },
        });
        const both = kafkaLog('main', { brokers: [proxy.address, broker] });
        expect(await both.ranges('moved', call())).toMatchObject({ is: 'present' });
        await expect.poll(() => proxy.open()).toBe(0);
      } finally {
        await proxy.close();
      }
    });

  it('by freezing is unknown by the deadline, and read again afterwards', async () => {
    server.pause();
    try {
      // The signal that stops a process takes its time on the way.
      await expect
        .poll(async () => (await log.ranges('moved', call(300))).is, { timeout: 10_000 })
        .toBe('unknown');
      await expectUnknown(log, 800);
    } finally {
      server.resume();
    }
    await expect
      .poll(async () => (await log.ranges('moved', call())).is, { timeout: 30_000 })
      .toBe('present');
  });

  it('by dying is unknown, and is what it was when it is back', async () => {
    await server.kill();
    await expectUnknown(log, 1_000);
    await server.start();
    await expect.poll(() => rangeOf('moved'), { timeout: 30_000 }).toMatchObject({ start: 4n, end: 10n });
    await expect
      .poll(() => log.group('fresh', ['grouped'], call()), { timeout: 30_000 })
      .toMatchObject({ value: { state: 'Empty' } });
  });
});
