/** How much history a recovery makes: as in production, with the search attributes registered and the real steps. */
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { CASE, JOB, openCases, said, type Cases } from '../support/cases.js';
import type { World } from '../support/fake-ports.js';
import { unknown } from '../../domain/reading.js';

let cases: Cases;
beforeAll(async () => {
  cases = await openCases();
});
afterAll(() => cases?.close());

const KIB = 1024;

async function measured(): Promise<{ readonly events: number; readonly bytes: number }> {
  const history = await cases.raw.workflow.getHandle(CASE).fetchHistory();
  console.log(
    (history.events ?? []).length,
    (history.events ?? [])
      .map((e) =>
        Object.keys(e)
          .find((k) => k.endsWith('Attributes'))
          ?.replace('EventAttributes', ''),
      )
      .join(' '),
    Buffer.byteLength(historyToJSON(history)),
  );
  return { events: history.events?.length ?? 0, bytes: Buffer.byteLength(historyToJSON(history)) };
}
const recover = () => cases.client.recover(JOB, { ...said, requestId: randomUUID() });

test('a restore without trouble takes at most 60 events and 64 KiB, and publishes all its attributes', async () => {
  await cases.outside();
  await recover();
  expect(await cases.end()).toMatchObject({ outcome: 'resumed', attempts: 1 });
  const { events, bytes } = await measured();
  expect(events).toBeLessThanOrEqual(60);
  expect(bytes).toBeLessThanOrEqual(64 * KIB);
  const { typedSearchAttributes, memo } = await cases.raw.workflow.getHandle(CASE).describe();
  expect(
    Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])),
  ).toMatchObject({
    HoldfastPhase: 'resumed',
    HoldfastAttempt: 1,
    HoldfastNeedsOperator: false,
  });
  expect(memo).toMatchObject({ phase: 'resumed' });
});

/** What is away in the first attempt, how it goes away and comes back, and how many events the recovery may take. */
const away: readonly [what: string, most: number, leave: (world: World) => () => void][] = [
  [
    'Flink',
    80,
    (world) => {
      world.flinkDown = fault('FlinkUnavailable', 'connection refused', 'jm:8081');
      return () => (world.flinkDown = null);
    },
  ],
  [
    'ZooKeeper',
    80,
    (world) => {
      const { ha } = world;
      world.ha = unknown(fault('HaStoreUnavailable', 'connection loss', 'zk:2181'));
      return () => (world.ha = ha);
    },
  ],
  [
    'the NameNode',
    80,
    (world) => {
      world.storageDown = fault('StorageUnavailable', 'connection refused', 'nn:9870');
      return () => (world.storageDown = null);
    },
  ],
  // Each step that a failed attempt has come by costs six.
  [
    'Kafka, the last that an attempt asks,',
    90,
    (world) => {
      world.kafkaDown = fault('KafkaUnavailable', 'connection refused', 'k:9092');
      return () => (world.kafkaDown = null);
    },
  ],
];

test.each(away)('with one failed attempt while %s is away at most %i events', async (_what, most, leave) => {
  await cases.outside({}, ({ world, steps }) => {
    const come = leave(world);
    // It comes back as soon as somebody waits for it.
    return { awaitReturn: async (input) => (come(), steps.awaitReturn(input)) };
  });
  await recover();
  expect(await cases.end()).toMatchObject({ outcome: 'resumed', attempts: 2 });
  const { events, bytes } = await measured();
  expect(events).toBeLessThanOrEqual(most);
  if (most <= 80) expect(bytes).toBeLessThanOrEqual(64 * KIB);
  const { typedSearchAttributes } = await cases.raw.workflow.getHandle(CASE).describe();
  expect(
    Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])),
  ).toMatchObject({
    HoldfastPhase: 'resumed',
    HoldfastAttempt: 2,
  });
});
