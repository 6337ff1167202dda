import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kafkaLog } from '../../adapters/kafka.js';
import type { Call, Kafka } from '../../adapters/ports.js';
import { HoldfastError } from '../../domain/failure.js';
import { type FakeKafka, type KafkaApi, startFakeKafka } from '../support/fake-kafka.js';

let fake: FakeKafka;
let log: Kafka;
beforeEach(async () => {
  fake = await startFakeKafka();
  fake.world.topics.events = {
    partitions: { 0: { start: 5n, end: 20n }, 1: { start: 0n, end: 0n } },
    settings: { 'retention.ms': '604800000', 'retention.bytes': '-1', 'cleanup.policy': 'delete' },
  };
  log = kafkaLog('main', { brokers: [fake.address] });
});
afterEach(() => fake.close());

const call = (deadline = 4_000): Call => ({ signal: new AbortController().signal, deadline });
const at = (partition: number, offset: bigint) => ({ topic: 'events', partition, offset });
const faultOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HoldfastError)) throw new Error(`expected a HoldfastError, found ${String(error)}`);
  return error.fault;
};

describe('ranges', () => {
  it('gives start and end of every partition', async () => {
    expect(await log.ranges('events', call())).toEqual({
      is: 'present',
      value: [
        { topic: 'events', partition: 0, start: 5n, end: 20n },
        { topic: 'events', partition: 1, start: 0n, end: 0n },
      ],
    });
  });

  it('sees partitions that were added', async () => {
    await log.ranges('events', call());
    fake.world.topics.events!.partitions[2] = { start: 0n, end: 3n };
    expect(await log.ranges('events', call())).toMatchObject({ value: [{}, {}, { partition: 2, end: 3n }] });
  });

  it('keeps offsets beyond 2^53 exact', async () => {
    fake.world.topics.events = { partitions: { 0: { start: 9007199254740993n, end: 9223372036854775807n } } };
    expect(await log.ranges('events', call())).toMatchObject({
      value: [{ start: 9007199254740993n, end: 9223372036854775807n }],
    });
  });

  it('asks the leader of each partition', async () => {
    const other = await startFakeKafka(2);
    try {
      fake.world.brokers.push({ nodeId: 2, port: other.port });
      fake.world.topics.events!.partitions[1] = { start: 0n, end: 0n, leader: 2 };
      other.world.topics.events = { partitions: { 1: { start: 70n, end: 99n } } };
      expect(await log.ranges('events', call())).toMatchObject({
        value: [
          { partition: 0, end: 20n },
          { partition: 1, start: 70n, end: 99n },
        ],
      });
    } finally {
      await other.close();
    }
  });

  it('is unknown when one partition has no leader, and names it', async () => {
    fake.world.topics.events!.partitions[1] = { start: 0n, end: 0n, leader: -1 };
    expect(await log.ranges('events', call())).toMatchObject({
      is: 'unknown',
      because: { code: 'KafkaUnavailable', where: 'events/1' },
    });
  });

  it('reads a partition whose follower is gone', async () => {
    fake.world.topics.events!.partitions[1] = { start: 0n, end: 4n, code: { Metadata: 9 } };
    expect(await log.ranges('events', call())).toMatchObject({ is: 'present' });
  });
});

describe('a topic', () => {
  it('is absent when two complete answers do not know it', async () => {
    expect(await log.ranges('nothing', call())).toEqual({ is: 'absent' });
    expect(fake.seen.filter((api) => api === 'Metadata')).toHaveLength(2);
  });

  it('is not absent when the second answer knows it', async () => {
    fake.onRequest(({ api, nth }) => {
      if (api === 'Metadata' && nth === 1)
        fake.world.topics.late = { partitions: { 0: { start: 0n, end: 1n } } };
      return undefined;
    });
    expect(await log.ranges('late', call())).toMatchObject({ is: 'present' });
  });

  it('is not absent when another broker knows it', async () => {
    const other = await startFakeKafka(2);
    try {
      fake.world.brokers.push({ nodeId: 2, port: other.port });
      other.world.topics.late = { partitions: { 0: { start: 0n, end: 1n } } };
      expect(await log.ranges('late', call())).toMatchObject({ is: 'present' });
    } finally {
      await other.close();
    }
  });

  it('is unknown when the answer names no brokers', async () => {
    fake.world.alone = true;
    expect(await log.ranges('nothing', call(1_500))).toMatchObject({ is: 'unknown' });
  });

  it('is unknown when the answer names no controller', async () => {
    fake.world.controller = -1;
    expect(await log.ranges('nothing', call(1_500))).toMatchObject({ is: 'unknown' });
  });

  it('is unknown when its partition is gone on the leader: deleted this moment is not never there', async () => {
    fake.world.topics.events!.partitions[0] = { start: 0n, end: 0n, code: { ListOffsets: 3 } };
    expect(await log.ranges('events', call(2_000))).toMatchObject({
      is: 'unknown',
      because: { code: 'KafkaUnavailable' },
    });
  });

  it('is never created by looking: brokers that would are refused', async () => {
    await log.ranges('nothing', call());
    expect(fake.world.topics.nothing).toBeUndefined();
  });
});

it('gives the first offset at or after a time, and the end where there is none', async () => {
  fake.world.topics.events!.partitions[0] = { start: 5n, end: 20n, at: 11n };
  expect(await log.offsetsAt('events', 1_700_000_000_000, call())).toEqual({
    is: 'present',
    value: [at(0, 11n), at(1, 0n)],
  });
});

describe('settings', () => {
  const settings = (more: Record<string, string>) => {
    Object.assign(fake.world.topics.events!.settings!, more);
    return log.settings('events', call());
  };

  it('reads retention', async () => {
    expect(await settings({})).toEqual({
      is: 'present',
      value: { retentionMs: 604_800_000, retentionBytes: null, compacted: false },
    });
  });

  it('reads -1 as unlimited', async () => {
    expect(await settings({ 'retention.ms': '-1' })).toMatchObject({ value: { retentionMs: null } });
  });

  it('knows that a topic that is only compacted deletes nothing by age', async () => {
    expect(await settings({ 'cleanup.policy': 'compact' })).toMatchObject({
      value: { retentionMs: null, compacted: true },
    });
  });

  it('knows that a topic can be both', async () => {
    expect(await settings({ 'cleanup.policy': 'compact,delete' })).toMatchObject({
      value: { retentionMs: 604_800_000, compacted: true },
    });
  });

  it('is unknown when the answer leaves a setting out', async () => {
    delete fake.world.topics.events!.settings!['retention.ms'];
    expect(await log.settings('events', call(1_500))).toMatchObject({ is: 'unknown' });
  });

  it('is absent for a topic that is not there', async () => {
    expect(await log.settings('nothing', call())).toEqual({ is: 'absent' });
  });
});

describe('timestamps', () => {
  it('are null at the end, and nothing is fetched', async () => {
    expect(await log.timestamps([at(0, 20n)], call())).toEqual({
      is: 'present',
      value: [{ topic: 'events', partition: 0, time: null, transactional: false }],
    });
    expect(fake.seen).not.toContain('Fetch');
  });

  it('beyond the end are another log', async () => {
    expect(await log.timestamps([at(0, 21n)], call())).toMatchObject({
      is: 'unknown',
      because: { code: 'LogReplaced', where: 'events/0' },
    });
  });

  it('before the start are gone', async () => {
    fake.world.topics.events!.partitions[0] = { start: 5n, end: 20n, code: { Fetch: 1 } };
    expect(await log.timestamps([at(0, 2n)], call())).toMatchObject({
      is: 'unknown',
      because: { code: 'OffsetsGone', where: 'offset 2 of events/0' },
    });
  });

  it('of a partition that is not there are gone', async () => {
    expect(await log.timestamps([at(7, 2n)], call())).toMatchObject({
      is: 'unknown',
      because: { code: 'OffsetsGone' },
    });
  });

  it('of nothing are nothing', async () => {
    expect(await log.timestamps([], call())).toEqual({ is: 'present', value: [] });
  });

  it('are unknown when the broker sends no records', async () => {
    expect(await log.timestamps([at(0, 7n)], call(1_500))).toMatchObject({
      is: 'unknown',
      because: { code: 'KafkaUnavailable' },
    });
  });
});

describe('a group', () => {
  it('that does not exist is Dead', async () => {
    expect(await log.group('counts', ['events'], call())).toEqual({
      is: 'present',
      value: { state: 'Dead', members: 0, offsets: [] },
    });
  });

  it('that a newer broker does not find is Dead', async () => {
    fake.world.code.DescribeGroups = 69;
    expect(await log.group('counts', ['events'], call())).toMatchObject({ value: { state: 'Dead' } });
  });

  it('that is called dead and yet listed is unknown: its members cannot be seen', async () => {
    fake.world.groups.counts = { state: 'Dead', members: 0, offsets: {} };
    expect(await log.group('counts', ['events'], call())).toMatchObject({
      is: 'unknown',
      because: { code: 'Unclassified', where: 'counts' },
    });
  });

  it('shows state, members and committed offsets, and leaves out what was never committed', async () => {
    fake.world.groups.counts = { state: 'Stable', members: 2, offsets: { 'events/0': 12n } };
    expect(await log.group('counts', ['events', 'deleted'], call())).toEqual({
      is: 'present',
      value: { state: 'Stable', members: 2, offsets: [at(0, 12n)] },
    });
  });
});

describe('commitGroup', () => {
  const commit = (offsets = [at(0, 7n), at(1, 0n)], deadline = 4_000) =>
    log.commitGroup('counts', offsets, call(deadline));

  it('sets all partitions in one request and reads them back', async () => {
    await commit();
    expect(fake.world.groups.counts?.offsets).toEqual({ 'events/0': 7n, 'events/1': 0n });
    expect(fake.seen.filter((api) => api === 'OffsetCommit')).toHaveLength(1);
    expect(fake.seen.at(-1)).toBe('OffsetFetch');
  });

  it('takes both ends of the log', async () => {
    await commit([at(0, 5n)]);
    await commit([at(0, 20n)]);
  });

  const refused: readonly (readonly [string, ReturnType<typeof at>[]])[] = [
    ['before the start', [at(1, 0n), at(0, 4n)]],
    ['beyond the end', [at(1, 0n), at(0, 21n)]],
    ['of a partition that is not there', [at(1, 0n), at(2, 0n)]],
    ['of a topic that is not there', [at(1, 0n), { topic: 'nothing', partition: 0, offset: 0n }]],
    ['below zero', [at(1, 0n), at(0, -1n)]],
  ];
  for (const [what, offsets] of refused)
    it(`sends nothing when one offset lies ${what}`, async () => {
      expect(await faultOf(commit(offsets))).toMatchObject({ code: 'OffsetsGone' });
      expect(fake.seen).not.toContain('OffsetCommit');
    });

  it('sends nothing when one partition is named twice', async () => {
    await faultOf(commit([at(0, 7n), at(0, 8n)]));
    expect(fake.seen).not.toContain('OffsetCommit');
  });

  it('sends nothing while the group has a live member', async () => {
    fake.world.groups.counts = { state: 'Stable', members: 1, offsets: {} };
    expect(await faultOf(commit())).toMatchObject({ code: 'TwinRunning', where: 'counts' });
    expect(fake.seen).not.toContain('OffsetCommit');
  });

  for (const code of [22, 25, 27, 68, 82, 113])
    it(`takes refusal ${code} for a live member`, async () => {
      fake.world.topics.events!.partitions[0] = { start: 5n, end: 20n, code: { OffsetCommit: code } };
      expect(await faultOf(commit())).toMatchObject({ code: 'TwinRunning' });
    });

  it('succeeds when the answer was lost and the offsets are there', async () => {
    fake.onRequest(({ api }) => (api === 'OffsetCommit' ? 'lost' : undefined));
    await commit(undefined, 6_000);
    expect(fake.seen.filter((api) => api === 'OffsetCommit')).toHaveLength(1);
  });

  it('fails as unavailable when the answer was lost and the offsets are not there', async () => {
    fake.onRequest(({ api }) => (api === 'OffsetCommit' ? 'silence' : undefined));
    expect(await faultOf(commit(undefined, 6_000))).toMatchObject({ code: 'KafkaUnavailable' });
    expect(fake.seen.filter((api) => api === 'OffsetCommit')).toHaveLength(1);
  });

  it('fails when somebody else commits between the commit and the look back', async () => {
    fake.onRequest(({ api }) => {
      if (api === 'OffsetFetch') fake.world.groups.counts!.offsets['events/0'] = 19n;
      return undefined;
    });
    expect(await faultOf(commit())).toMatchObject({ code: 'TwinRunning', where: 'events/0' });
  });

  it('fails when the offset that was accepted is not there', async () => {
    fake.onRequest(({ api }) => {
      if (api === 'OffsetFetch') fake.world.groups.counts!.offsets = {};
      return undefined;
    });
    expect(await faultOf(commit())).toMatchObject({ code: 'KafkaUnavailable' });
  });

  it('of nothing does nothing', async () => {
    await commit([]);
    expect(fake.seen).toEqual([]);
  });

  it('waits for a coordinator that is still loading', async () => {
    let times = 0;
    fake.world.code.FindCoordinator = 15;
    fake.onRequest(({ api }) => {
      if (api === 'FindCoordinator' && ++times === 2) delete fake.world.code.FindCoordinator;
      return undefined;
    });
    await commit();
  });
});

/** Every code of the format notes, 9.3, with its class. */
const CODES: readonly (readonly [number, string])[] = [
  [-1, 'KafkaUnavailable'],
  [1, 'OffsetsGone'],
  [2, 'KafkaUnavailable'],
  [5, 'KafkaUnavailable'],
  [6, 'KafkaUnavailable'],
  [7, 'KafkaUnavailable'],
  [8, 'KafkaUnavailable'],
  [9, 'KafkaUnavailable'],
  [13, 'KafkaUnavailable'],
  [14, 'KafkaUnavailable'],
  [15, 'KafkaUnavailable'],
  [16, 'KafkaUnavailable'],
  [17, 'ConfigInvalid'],
  [24, 'ConfigInvalid'],
  [29, 'AccessDenied'],
  [30, 'AccessDenied'],
  [31, 'AccessDenied'],
  [33, 'AuthFailed'],
  [34, 'AuthFailed'],
  [35, 'ConfigInvalid'],
  [54, 'AuthFailed'],
  [56, 'KafkaUnavailable'],
  [58, 'AuthFailed'],
  [72, 'KafkaUnavailable'],
  [74, 'KafkaUnavailable'],
  [75, 'KafkaUnavailable'],
  [78, 'KafkaUnavailable'],
  [88, 'KafkaUnavailable'],
  [89, 'KafkaUnavailable'],
  [100, 'KafkaUnavailable'],
  [109, 'Unclassified'],
  [999, 'Unclassified'],
];

describe.concurrent('an error code', () => {
  const looks: readonly (readonly [KafkaApi, (log: Kafka, call: Call) => Promise<unknown>])[] = [
    ['Metadata', (own, c) => own.ranges('events', c)],
    ['ListOffsets', (own, c) => own.ranges('events', c)],
    ['Fetch', (own, c) => own.timestamps([at(0, 7n)], c)],
    ['DescribeConfigs', (own, c) => own.settings('events', c)],
    ['FindCoordinator', (own, c) => own.group('counts', ['events'], c)],
    ['DescribeGroups', (own, c) => own.group('counts', ['events'], c)],
    ['ListGroups', (own, c) => own.group('counts', ['events'], c)],
    ['OffsetFetch', (own, c) => own.group('counts', ['events'], c)],
  ];
  for (const [api, ask] of looks)
    it(`of ${api} has its class, whatever it is`, async ({ expect: own }) => {
      const broker = await startFakeKafka();
      try {
        broker.world.topics.events = { partitions: { 0: { start: 5n, end: 20n } } };
        for (const [code, expected] of CODES) {
          broker.world.code = { [api]: code };
          // Only what is tried again until the deadline needs a short one.
          const within = expected === 'KafkaUnavailable' ? 300 : 4_000;
          const reading = await ask(kafkaLog('main', { brokers: [broker.address] }), call(within));
          own(reading, `${api} ${code}`).toMatchObject({ is: 'unknown', because: { code: expected } });
        }
      } finally {
        await broker.close();
      }
    });
});
