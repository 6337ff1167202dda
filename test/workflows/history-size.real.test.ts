/** How much history a recovery makes: as in production, with the search attributes registered and the real steps. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failure, fault } from '../../domain/failure.js';
import { unknown } from '../../domain/reading.js';
import { CASE, JOB, openCases, said, type Cases, type Steps } from '../support/cases.js';
import type { InstantOutside } from '../support/instant-outside.js';

let cases: Cases;
beforeAll(async () => {
  cases = await openCases();
});
afterAll(() => cases?.close());

const KIB = 1024;
const measured: string[] = [];
afterAll(() => console.log(['failure at step -> events, bytes', ...measured].join('\n')));

/** As the server counts: it is the server that would end a history which is too large. */
async function historyOf(what: string): Promise<{ readonly events: number; readonly bytes: number }> {
  const { historyLength: events, historySize: bytes = Number.NaN } = await cases.raw.workflow
    .getHandle(CASE)
    .describe();
  measured.push(`${what} -> ${events}, ${bytes}`);
  return { events, bytes };
}
const recover = () => cases.client.recover(JOB, { ...said, requestId: randomUUID() });

async function shown() {
  const { typedSearchAttributes, memo } = await cases.raw.workflow.getHandle(CASE).describe();
  const attributes = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value] as const);
  return { attributes: Object.fromEntries(attributes), memo };
}

test('a restore without trouble takes at most 60 events and 64 KiB, and publishes all its attributes', async () => {
  await cases.outside();
  await recover();
  expect(await cases.end()).toMatchObject({ outcome: 'resumed', attempts: 1 });
  const { events, bytes } = await historyOf('none');
  expect(events).toBeLessThanOrEqual(60);
  expect(bytes).toBeLessThanOrEqual(64 * KIB);
  const { attributes, memo } = await shown();
  expect(attributes).toMatchObject({
    HoldfastPhase: 'resumed',
    HoldfastAttempt: 1,
    HoldfastNeedsOperator: false,
  });
  expect(memo).toMatchObject({ phase: 'resumed' });
});

test('a group that refuses the commit fails no attempt', async () => {
  const { world } = await cases.outside();
  world.onCommit = () => fault('KafkaUnavailable', 'not the coordinator', 'k:9092');
  await recover();
  expect(await cases.end()).toMatchObject({ outcome: 'resumed', attempts: 1 });
  expect((await historyOf('resumeOffsets, which fails nothing')).events).toBeLessThanOrEqual(60);
});

/** What a case comes by before it can fail there: the dependency is away until somebody waits for it, or it fails once. */
const failing: readonly [step: string, leave: (it: InstantOutside) => Steps][] = [
  [
    'assessRun',
    ({ world, steps }) => {
      world.flinkDown = fault('FlinkUnavailable', 'connection refused', 'jm:8081');
      return { awaitReturn: (input) => ((world.flinkDown = null), steps.awaitReturn(input)) };
    },
  ],
  [
    'fetchPointer',
    ({ deps, world }) => {
      let looks = 0;
      const away = unknown(fault('StorageUnavailable', 'connection refused', 'nn:9870'));
      // The first look at it is the assessment's.
      (deps as { readLedger: unknown }).readLedger = () =>
        Promise.resolve(++looks === 2 ? away : world.ledger);
      return {};
    },
  ],
  [
    'readState',
    ({ world, steps }) => {
      world.onProof = (count) => {
        if (count === 1) world.storageDown = fault('StorageUnavailable', 'connection refused', 'nn:9870');
      };
      return { awaitReturn: (input) => ((world.storageDown = null), steps.awaitReturn(input)) };
    },
  ],
  [
    'checkOffsets',
    ({ world, steps }) => {
      world.kafkaDown = fault('KafkaUnavailable', 'connection refused', 'k:9092');
      return { awaitReturn: (input) => ((world.kafkaDown = null), steps.awaitReturn(input)) };
    },
  ],
  [
    'restoreJob',
    ({ world }) => {
      const { onSubmit } = world;
      let calls = 0;
      world.onSubmit = (submission) => {
        if (++calls > 1) return onSubmit(submission);
        throw failure('FlinkUnavailable', 'connection refused', 'jm:8081');
      };
      return {};
    },
  ],
  [
    'confirmRestored',
    ({ world }) => {
      const { onSubmit } = world;
      let calls = 0;
      world.onSubmit = (submission) => {
        const answer = onSubmit(submission);
        if (++calls === 1)
          world.runs = world.runs.map((r) => (r.run === submission.run ? { ...r, state: 'FAILED' } : r));
        return answer;
      };
      return {};
    },
  ],
];

test.each(failing)('with one attempt that fails at %s at most 80 events and 64 KiB', async (step, leave) => {
  await cases.outside({}, leave);
  await recover();
  expect(await cases.end()).toMatchObject({ outcome: 'resumed', attempts: 2 });
  const { failures } = await cases.client.status(JOB);
  expect(failures.map((f) => f.step)).toEqual([step]);
  const { events, bytes } = await historyOf(step);
  expect(events).toBeLessThanOrEqual(80);
  expect(bytes).toBeLessThanOrEqual(64 * KIB);
  const { attributes } = await shown();
  expect(attributes).toMatchObject({ HoldfastPhase: 'resumed', HoldfastAttempt: 2 });
});
