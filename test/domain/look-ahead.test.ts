import { describe, expect, test } from 'vitest';
import type { Evidence } from '../../domain/evidence.js';
import { isComparedNext, newestKnown, withAssessed, withRead } from '../../domain/look-ahead.js';
import { present } from '../../domain/reading.js';
import { assessment, evidence, inRange, point, pointers, RUN_A, run, sound } from '../support/evidence.js';

const newest = point(RUN_A, 12);
const unread: Partial<Evidence> = { verdicts: {}, offsets: {} };

describe('a point is compared with Kafka in the same step only', () => {
  test.each<readonly [boolean, string, Partial<Evidence>]>([
    [true, 'when it is the top of the ladder', unread],
    [
      false,
      'when nothing would be restored',
      { ...unread, assessment: assessment({ runs: present([run({ state: 'RUNNING', running: 4 })]) }) },
    ],
    [false, 'when a person is to choose between two branches', { ...unread, pointers: branched() }],
    [false, 'when it was compared already', { verdicts: {} }],
  ])('%s: %s', (compared, _when, change) => {
    expect(isComparedNext(evidence(change), newest)).toBe(compared);
  });
});

test('pointers that were found with the assessment are taken, and what was known stays without them', () => {
  const e = evidence({ assessment: null, pointers: null });
  expect(withAssessed(e, { ...assessment(), pointers: pointers() })).toMatchObject({
    assessment: assessment(),
    pointers: pointers(),
  });
  expect(withAssessed(e, assessment()).pointers).toBeNull();
});

test("Kafka's answer is kept beside the verdict, not in it", () => {
  const e = withRead(evidence(unread), newest, { ...sound, offsets: present(inRange) });
  expect(e.verdicts).toEqual({ [newest.path]: sound });
  expect(e.offsets).toEqual({ [newest.path]: present(inRange) });
  expect(withRead(evidence(unread), newest, sound).offsets).toEqual({});
});

function branched() {
  const B = 'b'.repeat(32) as typeof RUN_A;
  const blank = { run: B, started: 9_000, restoredFrom: { is: 'nothing' } } as const;
  const { lineage, sources } = pointers();
  const where = 'hdfs://nn:8020/flink/checkpoints';
  return {
    lineage: [blank, ...lineage],
    sources: [...sources, { source: 'directory', where, points: present([point(B, 3)]) } as const],
  };
}

test('a point is read with the newest of its run, so that one that was superseded meanwhile is told apart', () => {
  expect(newestKnown(evidence(unread), point(RUN_A, 11))).toEqual({ newest: { run: RUN_A, id: '12' } });
  expect(newestKnown(evidence({ ...unread, chosen: newest }), newest)).toEqual({});
  expect(newestKnown(evidence({ ...unread, pointers: null }), newest)).toEqual({});
});
