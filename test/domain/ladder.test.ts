/** The order of the ladder, and the branches that only a person can choose between (design, 5). */
import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import { fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { buildLadder, type LineageRun } from '../../domain/ladder.js';
import { emptyLedger, record, type RestoredFrom, type Sighting } from '../../domain/ledger.js';
import { present } from '../../domain/reading.js';
import type { RestorePoint, Verdict } from '../../domain/restore-point.js';
import { evidence, facts, path, point, RUN_A, RUN_B, savepoint } from '../support/evidence.js';

const RUN_C = runId('c'.repeat(32));
const nothing: RestoredFrom = { is: 'nothing' };
const from = (of: string): RestoredFrom => ({ is: 'point', path: of });
const lineage = (...runs: readonly [typeof RUN_A, RestoredFrom][]): readonly LineageRun[] =>
  runs.map(([run, restoredFrom], i) => ({ run, started: 9_000 - i, restoredFrom }));
const ladder = (
  runs: readonly LineageRun[],
  points: readonly RestorePoint[],
  chosen: RestorePoint | null = null,
) =>
  buildLadder(
    { lineage: runs, sources: [{ source: 'directory', where: 'x', points: present(points) }] },
    chosen,
  );
const names = (l: ReturnType<typeof ladder>) =>
  l.rungs.map(({ point: p }) => `${p.run?.[0] ?? '?'}/${p.path.split('/').at(-1)}`);

describe('the order of the ladder', () => {
  test('follows the lineage: the restore source of the newest run comes before newer points of older runs', () => {
    // B was begun by hand from A's chk-3; C, by another tool, from A's chk-2.
    const runs = lineage([RUN_C, from(path(RUN_A, 2))], [RUN_B, from(path(RUN_A, 3))], [RUN_A, nothing]);
    const points = [point(RUN_A, 2), point(RUN_A, 3), point(RUN_A, 9), point(RUN_B, 40), point(RUN_C, 1)];
    expect(names(ladder(runs, points))).toEqual(['c/chk-1', 'a/chk-2', 'b/chk-40', 'a/chk-3', 'a/chk-9']);
  });

  test('orders the points of one run by id, never by time', () => {
    const old = { ...point(RUN_A, 10), time: 1 };
    const young = { ...point(RUN_A, 9), time: 99 };
    expect(names(ladder(lineage([RUN_A, nothing]), [young, old]))).toEqual(['a/chk-10', 'a/chk-9']);
  });

  test('a savepoint that stopped the run is its newest, one in between only a fallback', () => {
    const points = [point(RUN_A, 5), savepoint(RUN_A, 'between'), savepoint(RUN_A, 'stopped', true)];
    expect(names(ladder(lineage([RUN_A, nothing]), points))).toEqual(['a/stopped', 'a/chk-5', 'a/between']);
  });

  test("a person's choice comes before everything", () => {
    const chosen = point(RUN_A, 1);
    expect(names(ladder(lineage([RUN_A, nothing]), [point(RUN_A, 5)], chosen))).toEqual(['a/chk-1']);
  });
});

describe('a branch', () => {
  const points = [point(RUN_B, 7), point(RUN_A, 12)];

  test.each<[string, RestoredFrom, string | null]>([
    ['of a run that started from nothing is for a person', nothing, 'started from nothing'],
    ['of a run whose beginning nobody saw is for a person', { is: 'unseen' }, 'began unseen'],
    [
      'is not explained by a failover: its own checkpoint is no beginning',
      from(path(RUN_B, 5)),
      'began unseen',
    ],
    ['of a run that somebody restored is explained', from(path(RUN_A, 12)), null],
  ])('%s', (_promise, beginning, expected) => {
    const { branch } = ladder(lineage([RUN_B, beginning], [RUN_A, nothing]), points);
    expect(branch?.began ?? null).toBe(expected);
  });

  test('is none when only one run has points', () => {
    expect(ladder(lineage([RUN_B, nothing], [RUN_A, nothing]), [point(RUN_B, 7)]).branch).toBeNull();
  });

  test('is asked with both tops, their positions and state sizes side by side', () => {
    const pointers = {
      lineage: lineage([RUN_B, nothing], [RUN_A, nothing]),
      sources: [{ source: 'directory' as const, where: 'x', points: present(points) }],
    };
    const read = (id: string, bytes: number, next: string): Verdict => ({
      is: 'sound',
      facts: {
        ...facts,
        checkpointId: id,
        bytes,
        partitions: 1,
        positions: [{ operatorId: 'o', topic: 'events', partition: 0, next }],
      },
    });
    const verdicts = {
      [path(RUN_B, 7)]: read('7', 900, '40'),
      [path(RUN_A, 12)]: read('12', 7_000_000, '9000'),
    };
    const next = decide(evidence({ pointers, verdicts }));
    if (next.do !== 'ask') throw new Error(`expected a question, found ${next.do}`);
    expect(next.plan.facts).toEqual([
      `${path(RUN_B, 7)}: run ${RUN_B} started from nothing; checkpoint 7, 7 files with 900 B; continues in events/0 at 40`,
      `${path(RUN_A, 12)}: run ${RUN_A} is older; checkpoint 12, 7 files with 7.0 MB; continues in events/0 at 9000`,
    ]);
    const blind: Verdict = { is: 'unknown', reasons: [fault('BlocksMissing', 'no DataNode')] };
    const half = decide(evidence({ pointers, verdicts: { ...verdicts, [path(RUN_A, 12)]: blind } }));
    expect(half).toMatchObject({ do: 'fail', fault: { code: 'BlocksMissing' } });
  });
});

test('the ledger keeps how a run began when a failover made Flink show its own checkpoint', () => {
  const sighting = (restoredFrom: RestoredFrom): Sighting => ({
    run: RUN_B,
    started: 5,
    restoredFrom,
    state: 'RUNNING',
    points: [],
    at: 10,
  });
  const began = (...seen: readonly RestoredFrom[]) =>
    seen.reduce((known, s) => record(known, sighting(s)), emptyLedger(0)).runs[0]?.restoredFrom;
  expect(began(nothing, from(path(RUN_B, 5)))).toEqual(nothing);
  expect(began(from(path(RUN_A, 12)), from(path(RUN_B, 5)))).toEqual(from(path(RUN_A, 12)));
  expect(began({ is: 'unseen' }, nothing)).toEqual(nothing);
});
