/** The promises under two hundred schedules, and that broken code does not pass. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain, hunt, sandboxOf, workflowCode } from './campaign.js';
import type { Sandbox } from './driver.js';
import { MUTANTS } from './mutants.js';
import { scheduleOf } from './schedule.js';
import { simulate, type Outcome } from './simulate.js';

const SEEDS = 200;
/** Tried when the recorded seed does not find a mutant any more, because schedules have changed since. */
const FURTHER = Array.from({ length: 20 }, (_, i) => i + 1);

let code: string;
let sandbox: Sandbox;
beforeAll(async () => {
  code = await workflowCode();
  sandbox = await sandboxOf(code);
});
afterAll(async () => sandbox?.destroy());

test(`keeps every promise under ${SEEDS} schedules of faults`, { timeout: 600_000 }, async () => {
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

describe('finds code that', () => {
  test.each(MUTANTS.map((m) => [m.name, m] as const))('%s', { timeout: 120_000 }, async (_, mutant) => {
    const { seed } = await hunt(code, mutant, [mutant.foundBy, ...FURTHER]);
    expect(seed).not.toBeNull();
  });
});
