/** Courses that the simulation has found to break a promise, by themselves: each stays fixed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { STRICT } from '../../domain/policy.js';
import { sandboxOf, workflowCode } from './campaign.js';
import type { Sandbox } from './driver.js';
import type { Fault, Schedule } from './schedule.js';
import { simulate, tellOutcome, type Outcome } from './simulate.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await sandboxOf(await workflowCode());
});
afterAll(async () => sandbox?.destroy());

/** HDFS is away until Flink has given the job up; then what the test adds. */
const incident = (...more: readonly Fault[]): Schedule => ({
  seed: 1,
  policy: { ...STRICT, backoff: { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 }, soak: 45_000 },
  setup: { haOnHdfs: false, endlessRestarts: false },
  sink: null,
  faults: [{ is: 'hdfs', when: { at: 4_000 }, to: 'down', for: 20_000 }, ...more],
  continueAfter: 10_000,
});

async function play(schedule: Schedule): Promise<Outcome> {
  const outcome = await simulate(sandbox, schedule);
  if (outcome.broken.length > 0) expect.fail(tellOutcome(schedule, outcome));
  return outcome;
}

test('the incident alone is recovered from', async () => {
  expect((await play(incident())).phase).toBe('resumed');
});

test.each([0.5, 0.6, 0.7, 0.8, 0.9])(
  'a case that is reset to before its submission leaves the group of the running job alone (%d)',
  async (share) => {
    const reset: Fault = { is: 'reset', when: { step: 'confirmRestored', nth: 1, after: 2_000 }, share };
    expect((await play(incident(reset))).phase).toBe('resumed');
  },
);

test('an abort in the soak is heard: a job that is lost again afterwards is not brought back', async () => {
  const outcome = await play(
    incident(
      { is: 'said', when: { phase: 'resumed', nth: 1, after: 5_000 }, what: 'abort' },
      { is: 'run fails', when: { phase: 'resumed', nth: 1, after: 6_000 } },
    ),
  );
  expect(outcome.phase).toBe('aborted');
});
