import { describe, expect, test } from 'vitest';
import { compareIds, emptyLedger, record, recordGap, type Sighting } from '../../domain/ledger.js';
import { point, RUN_A, RUN_B } from '../support/evidence.js';

const seen = (change: Partial<Sighting> = {}): Sighting => ({
  run: RUN_A,
  started: 1,
  restoredFrom: { is: 'nothing' },
  state: 'RUNNING',
  points: [point(RUN_A, 1)],
  at: 10,
  ...change,
});

describe('the ledger', () => {
  test('keeps the newest five points of the newest run first, by id and not by time', () => {
    const ids = [9, 10, 11, 12, 2, 100];
    const ledger = record(emptyLedger(0), seen({ points: ids.map((id) => point(RUN_A, id)) }));
    expect(ledger.points.map((p) => p.id)).toEqual(['100', '12', '11', '10', '9']);
  });

  test('points of an older run stay behind those of a newer one, whose ids begin anew', () => {
    const older = record(emptyLedger(0), seen({ points: [point(RUN_A, 40), point(RUN_A, 41)] }));
    const both = record(older, seen({ run: RUN_B, started: 2, points: [point(RUN_B, 1)] }));
    expect(both.points.map((p) => `${p.run?.[0]}${p.id}`)).toEqual(['b1', 'a41', 'a40']);
    expect(both.runs.map((r) => r.run)).toEqual([RUN_B, RUN_A]);
  });

  test('what was seen once of a restore is not forgotten when it can no longer be seen', () => {
    const first = record(emptyLedger(0), seen());
    const later = record(first, seen({ restoredFrom: { is: 'unseen' }, state: 'RESTARTING', at: 20 }));
    expect(later.runs[0]).toMatchObject({ restoredFrom: { is: 'nothing' }, state: 'RESTARTING', seen: 20 });
  });

  test('where the cluster kept its HA data is remembered when it is not seen again', () => {
    const ha = { kind: 'zookeeper', root: '/flink', clusterId: '/default' };
    const later = record(record(emptyLedger(0), seen({ ha })), seen({ at: 20 }));
    expect(later.ha).toEqual(ha);
    expect(record(later, seen({ ha: { ...ha, root: '/new' } })).ha?.root).toBe('/new');
  });

  test('a time without looks is remembered, and the ledger is no longer complete', () => {
    expect(recordGap(emptyLedger(0), 5, 9)).toMatchObject({ gaps: [{ from: 5, to: 9 }], complete: false });
  });

  test('stays below 2 KB for one job', () => {
    const ha = { kind: 'zookeeper', root: `/${'r'.repeat(40)}`, clusterId: `/${'c'.repeat(40)}` };
    let ledger = emptyLedger(1_700_000_000_000);
    for (let i = 0; i < 20; i++) {
      const points = Array.from({ length: 10 }, (_, n) => point(i % 2 ? RUN_A : RUN_B, 1_000_000 + n));
      ledger = record(ledger, seen({ run: i % 2 ? RUN_A : RUN_B, started: i, points, ha }));
    }
    expect(JSON.stringify(ledger).length).toBeLessThan(2_048);
  });

  test('ids are compared by value: 10 is newer than 9', () => {
    expect(compareIds('10', '9')).toBe(1);
    expect(compareIds('9223372036854775807', '9223372036854775806')).toBe(1);
    expect(compareIds(null, '0')).toBe(-1);
  });
});
