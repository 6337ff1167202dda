/** Broken code does not pass: what the simulation is worth. */
import { beforeAll, describe, expect, test } from 'vitest';
import { hunt, workflowCode } from './campaign.js';
import { MUTANTS } from './mutants.js';

let code: string;
beforeAll(async () => {
  code = await workflowCode();
});

describe('finds code that', () => {
  test.each(MUTANTS.map((m) => [m.name, m] as const))('%s', { timeout: 600_000 }, async (_, mutant) => {
    const { seed } = await hunt(code, mutant);
    expect(seed).not.toBeNull();
  });
});
