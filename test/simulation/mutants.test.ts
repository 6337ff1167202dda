/** Broken code does not pass: what the simulation is worth. */
import { beforeAll, describe, expect, test } from 'vitest';
import { hunt, workflowCode } from './campaign.js';
import { MUTANTS } from './mutants.js';

/** Tried when the recorded seed does not find a mutant any more, because schedules have changed since. */
const FURTHER = Array.from({ length: 30 }, (_, i) => i + 1);

let code: string;
beforeAll(async () => {
  code = await workflowCode();
});

describe('finds code that', () => {
  test.each(MUTANTS.map((m) => [m.name, m] as const))('%s', { timeout: 240_000 }, async (_, mutant) => {
    const { seed } = await hunt(code, mutant, [mutant.foundBy, ...FURTHER]);
    expect(seed).not.toBeNull();
  });
});
