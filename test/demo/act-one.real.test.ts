import { afterEach, describe, expect, test } from 'vitest';
import { actOne, type Stage } from '../../demo/act-one.js';
import { quietNarrator } from '../support/story.js';

describe('act one: the NameNode is away, Flink gives up, Holdfast brings the job back', () => {
  let stage: Stage | undefined;
  afterEach(async () => {
    await stage?.stack.stop();
    stage = undefined;
  });

  test.each(['1.20', '2.2'] as const)('on Flink %s, with every window counted right', async (flink) => {
    const narrator = quietNarrator();
    stage = await actOne({ flink, narrator }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${narrator.told()}`, { cause: error });
    });
    const { report, checks } = stage;
    expect(report, narrator.told()).toMatchObject({
      outcome: 'resumed',
      missing: 0,
      wrongCounts: 0,
      wrongTotals: 0,
    });
    expect(checks.counts).toMatchObject({ complete: true, unexpected: 0 });
    expect(report.restored).toBe(report.newestCompleted);
    // Two honest failures before the NameNode came back, at least, and the contrast is real.
    expect(report.attempts).toBeGreaterThanOrEqual(3);
    expect(report.blank.wrongTotals).toBeGreaterThan(0);
    expect(report.windows).toBeGreaterThan(50);
  });
});
