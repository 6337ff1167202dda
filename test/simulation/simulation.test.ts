/** The promises under five hundred schedules. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { explain, sandboxOf, workflowCode } from './campaign.js';
import type { Sandbox } from './driver.js';
import { scheduleOf } from './schedule.js';
import { simulate, type Outcome } from './simulate.js';

const SEEDS = 500;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await sandboxOf(await workflowCode());
});
afterAll(async () => sandbox?.destroy());

test(`keeps every promise under ${SEEDS} schedules of faults`, { timeout: 1_200_000 }, async () => {
  const outcomes = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const outcome = await simulate(sandbox, scheduleOf(seed));
    if (outcome.broken.length > 0) expect.fail(await explain(sandbox, seed));
    outcomes.set(outcome.phase, (outcomes.get(outcome.phase) ?? 0) + 1);
  }
  // A simulation in which nothing happens would keep every promise too.
  expect(outcomes.get('resumed') ?? 0).toBeGreaterThan(SEEDS / 10);
  expect(outcomes.get('aborted') ?? 0).toBeGreaterThan(SEEDS / 20);
});

test('gives the same course for the same seed', async () => {
  const course = async (): Promise<Outcome> => simulate(sandbox, scheduleOf(4));
  expect(await course()).toEqual(await course());
});
