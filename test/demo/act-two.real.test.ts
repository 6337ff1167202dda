import { afterEach, describe, expect, test } from 'vitest';
import { actTwo, type StageTwo } from '../../demo/act-two.js';
import { quietNarrator } from '../support/story.js';

describe('act two: a DataNode dies, Flink is stuck on an empty job result, Holdfast repairs it', () => {
  let stage: StageTwo | undefined;
  afterEach(async () => {
    await stage?.stack.stop();
    stage = undefined;
  });

  test('on Flink 1.20, with nothing submitted and every window counted right', async () => {
    const narrator = quietNarrator();
    stage = await actTwo({ flink: '1.20', narrator }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${narrator.told()}`, { cause: error });
    });
    const { report, checks } = stage;
    expect(report, narrator.told()).toMatchObject({
      outcome: 'healthy',
      deadEnd: 'EmptyJobResult',
      submissions: 0,
      missing: 0,
      wrongCounts: 0,
      wrongTotals: 0,
    });
    expect(report.restored).toBe(report.newestCompleted);
    expect(checks.counts).toMatchObject({ complete: true, unexpected: 0 });
  }, 480_000);
});
