import { describe, expect, test } from 'vitest';
import { LASTS, waysOut } from '../../domain/dead-end.js';
import { decide } from '../../domain/decide.js';
import { fault, type FailureCode } from '../../domain/failure.js';
import { absent, present, unknown } from '../../domain/reading.js';
import type { Verdict } from '../../domain/restore-point.js';
import type { Assessment, HaView, LostEntry, RunView } from '../../domain/situation.js';
import { calledAt, loopingOn, situationNow, stillStuck, stuckAs } from '../../domain/stuck.js';
import { assessment, evidence, path, run, RUN_A, RUN_B, sound } from '../support/evidence.js';

const noAnswer = (code: FailureCode = 'FlinkUnavailable') => unknown(fault(code, 'refused'));
const kept: HaView = { run: RUN_A, graph: true, checkpoints: 3, belongs: 'ours' };
const ZNODE = `/flink/default/jobs/${RUN_A}/checkpoints/0000000000000000012`;
const entry = {
  ...{ run: RUN_A, znode: ZNODE, file: 'hdfs://nn/ha/x', point: path(RUN_A, 12) },
} as const satisfies LostEntry;
const graph: LostEntry = {
  ...{ run: RUN_A, znode: `/flink/default/jobgraphs/${RUN_A}`, file: 'hdfs://nn/ha/blob', point: null },
};
const leader = (taskManagers: number) =>
  present({ endpoint: 'http://jm:8081', version: '1.20.5', taskManagers });

/** Nobody leads, ZooKeeper holds the job, everything that Flink needs is proved healthy. */
const nobody: Partial<Assessment> = {
  leader: noAnswer(),
  settings: noAnswer(),
  runs: noAnswer(),
  ha: present([kept]),
  leads: present(null),
  needs: { storage: null },
  lostEntries: present([]),
};
const { needs: _needs, ...unlooked } = nobody;
/** A JobManager leads and does not know the job that ZooKeeper holds. */
const ignored: Partial<Assessment> = { ...nobody, ...assessment(), runs: present([]), ha: present([kept]) };
const BAD = `/r/${RUN_A}_DIRTY.json`;
const badResult = (code: 'StateCorrupt' | 'BlocksMissing' = 'StateCorrupt'): Partial<Assessment> => ({
  ...nobody,
  dirty: present([{ run: RUN_A, path: BAD, length: 3, state: unknown(fault(code, 'found 3 bytes')) }]),
});
const waiting = run({ state: 'RUNNING', ended: null, running: 0 });

/** The dead ends of the design, section 4.4, that take time to show: what one look shows. */
const table: readonly [promise: string, seen: Partial<Assessment>, expected: string | null][] = [
  ['nobody leads, and everything that Flink needs is there', nobody, 'NoJobManager'],
  ['an election that never ends', { ...nobody, runs: noAnswer('FlinkRestarting') }, 'NoJobManager'],
  [
    'ZooKeeper names a leader that does not answer here',
    { ...nobody, leads: present('http://jm:8081') },
    'NoJobManager',
  ],
  [
    'the storage that Flink needs is away: it is awaited',
    { ...nobody, needs: { storage: fault('StorageUnavailable', 'refused') } },
    null,
  ],
  ['nobody has looked at the storage', unlooked, null],
  ['refused credentials say nothing about a leader', { ...nobody, runs: noAnswer('AuthFailed') }, null],
  ['ZooKeeper does not hold the job', { ...nobody, ha: present([]) }, null],
  ['an HA file is lost', { ...nobody, lostEntries: present([entry]) }, 'UnreadableHaEntry'],
  ['its job graph cannot be read', { ...nobody, lostEntries: present([graph]) }, 'UnreadableJobGraph'],
  [
    "another job's HA file is lost",
    { ...nobody, lostEntries: present([{ ...entry, run: RUN_B }]) },
    'NoJobManager',
  ],
  ['the JobManager leads and does not start the job', ignored, 'JobManagerIgnoresHa'],
  [
    'it has content in its job result: Flink is cleaning up',
    { ...ignored, dirty: present([{ run: RUN_A, path: '/r/a_DIRTY.json', length: 300 }]) },
    null,
  ],
  ['its recorded end can be read by nobody, and no JobManager starts', badResult(), 'UnreadableJobResult'],
  ['a recorded end that cannot be read just now', badResult('BlocksMissing'), 'NoJobManager'],
  [
    'a JobManager that leads has its result in memory',
    { ...ignored, dirty: badResult().dirty as never },
    null,
  ],
  [
    'the job waits and no TaskManager has registered',
    { runs: present([waiting]), leader: leader(0) },
    'NoTaskManager',
  ],
  ['it waits for slots of a TaskManager', { runs: present([waiting]), leader: leader(1) }, null],
  [
    'tasks that still run are not without a TaskManager',
    { runs: present([{ ...waiting, running: 2 }]), leader: leader(0) },
    null,
  ],
  ['abandoned is no dead end', {}, null],
];

describe('what looks like a dead end', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    expect(stuckAs(assessment(seen))?.is ?? null).toBe(expected);
  });
});

describe('what has looked like one for long enough', () => {
  const at = (ms: number, seen: Partial<Assessment> = nobody) => assessment({ ...seen, at: ms });
  const first = stillStuck(null, at(10_000));

  test.each([
    [nobody, 'NoJobManager'],
    [ignored, 'JobManagerIgnoresHa'],
    [badResult(), 'UnreadableJobResult'],
    [{ ...nobody, lostEntries: present([entry]) }, 'UnreadableHaEntry'],
    [{ runs: present([waiting]), leader: leader(0) }, 'NoTaskManager'],
  ] as const)('is called one after its time, and not a moment before (%#)', (seen, is) => {
    const stuck = stillStuck(null, at(10_000, seen));
    const situation = (ms: number) => situationNow(at(ms, seen), 0, stuck, {});
    expect(situation(10_000 + LASTS[is] - 1).is).not.toBe('dead-end');
    expect(situation(10_000 + LASTS[is])).toMatchObject({ is: 'dead-end', deadEnd: { is } });
  });

  test('keeps its beginning while it goes on, and loses it when anything else is seen', () => {
    const second = stillStuck(first, at(90_000));
    expect(second?.since).toBe(10_000);
    expect(stillStuck(second, at(95_000, ignored))).toMatchObject({
      deadEnd: { is: 'JobManagerIgnoresHa' },
      since: 95_000,
    });
    expect(stillStuck(second, at(95_000, {}))).toBeNull();
    expect(stillStuck(stillStuck(second, at(95_000, {})), at(99_000))?.since).toBe(99_000);
  });

  test('is watched until exactly then', () => {
    const e = evidence({ assessment: at(20_000), stuck: first });
    expect(decide(e)).toMatchObject({ do: 'watch', lookAt: 10_000 + LASTS.NoJobManager });
    if (first === null) throw new Error('nothing was recognised');
    expect(decide({ ...e, assessment: at(calledAt(first)) })).toMatchObject({
      do: 'ask',
      plan: { about: 'dead end', approves: null, text: expect.stringContaining('NoJobManager') as string },
    });
  });

  test('says whom ZooKeeper names, when that one only does not answer here', () => {
    const named = { ...nobody, leads: present('http://other:8081') };
    const stuck = stillStuck(null, at(0, named));
    const next = decide(evidence({ assessment: at(LASTS.NoJobManager, named), stuck }));
    expect(next).toMatchObject({ plan: { text: expect.stringContaining('http://other:8081') as string } });
  });
});

describe('a lost HA file', () => {
  const seen = { ...nobody, lostEntries: present([entry]) };
  const stuck = stillStuck(null, assessment({ ...seen, at: 0 }));
  const known = (verdict?: Verdict) =>
    decide(
      evidence({
        assessment: assessment({ ...seen, at: LASTS.UnreadableHaEntry }),
        stuck,
        verdicts: verdict === undefined ? {} : { [entry.point]: verdict },
      }),
    );

  test('is asked about after its own checkpoint was read', () => {
    expect(known()).toMatchObject({ do: 'readState', point: { path: entry.point, id: '12' } });
  });

  test('names the commands and their consequences, and approves nothing', () => {
    const next = known({ is: 'broken', reasons: [fault('StateMissing', 'a file is gone')] });
    expect(next).toMatchObject({ do: 'ask', plan: { approves: null } });
    const { text } = next.do === 'ask' ? next.plan : { text: '' };
    expect(text).toContain(`deleteall ${ZNODE}`);
    expect(text).toContain('from the next older checkpoint');
    expect(text).not.toContain('jobgraphs');
  });

  test('offers to restore the checkpoint itself when that is sound and the old run can no longer start', () => {
    const next = known(sound);
    const { text } = next.do === 'ask' ? next.plan : { text: '' };
    expect(text).toContain(`deleteall /flink/default/jobgraphs/${RUN_A}`);
    expect(text).toContain(`restores ${entry.point} under a new id`);
  });

  test('of an old layout names only the entry itself', () => {
    const old = { is: 'UnreadableHaEntry', ...entry, znode: '/strange/12' } as const;
    expect(waysOut(old, true, 'sound')).not.toContain('jobgraphs');
  });
});

test('a job graph that cannot be read names the commands that forget the run, and approves nothing', () => {
  const seen = { ...nobody, lostEntries: present([graph]) };
  const stuck = stillStuck(null, assessment({ ...seen, at: 0 }));
  const next = (at: number) => decide(evidence({ assessment: assessment({ ...seen, at }), stuck }));
  expect(next(LASTS.UnreadableJobGraph - 1)).toMatchObject({ do: 'watch' });
  expect(next(LASTS.UnreadableJobGraph)).toMatchObject({ do: 'ask', plan: { approves: null } });
  const asked = next(LASTS.UnreadableJobGraph);
  const { text } = asked.do === 'ask' ? asked.plan : { text: '' };
  expect(text).toContain('hdfs://nn/ha/blob');
  expect(text).toContain(`deleteall /flink/default/jobgraphs/${RUN_A}`);
  expect(text).toContain(`deleteall /flink/default/jobs/${RUN_A}`);
});

describe('a restore loop', () => {
  const looping = (change: Partial<RunView> = {}) =>
    run({ state: 'RESTARTING', ended: null, sameFaults: 3, ...change });
  const broken: Verdict = { is: 'broken', reasons: [fault('StateMissing', 'a file is gone')] };
  const rows: readonly [promise: string, seen: RunView, point: string | null][] = [
    ['the same first fault three times', looping(), path(RUN_A, 12)],
    ['twice is an accident', looping({ sameFaults: 2 }), null],
    ['faults that nobody counted', run({ state: 'RESTARTING' }), null],
    ['it runs now', looping({ state: 'RUNNING', running: 4 }), null],
    ['RUNNING for a moment between two restarts', looping({ state: 'RUNNING', running: 1 }), path(RUN_A, 12)],
    [
      'without a checkpoint of its own it restores what it was given',
      looping({ completed: 0, latest: null, restoredFrom: { is: 'point', path: path(RUN_B, 3) } }),
      path(RUN_B, 3),
    ],
    ['nobody can say what it restores', looping({ latest: null }), null],
  ];
  test.each(rows)('%s', (_promise, seen, point) => {
    expect(loopingOn(seen)).toBe(point);
  });

  const known = (verdicts: Record<string, Verdict>) =>
    evidence({ assessment: assessment({ runs: present([looping()]) }), verdicts });

  test('is one only by our own verdict on what it restores', () => {
    const point = path(RUN_A, 12);
    expect(decide(known({}))).toMatchObject({ do: 'readState', point: { path: point } });
    expect(decide(known({ [point]: sound }))).toMatchObject({ do: 'watch' });
    const unread: Verdict = { is: 'unknown', reasons: [fault('BlocksMissing', 'no DataNode')] };
    expect(decide(known({ [point]: unread }))).toMatchObject({ do: 'watch' });
    expect(decide(known({ [point]: broken }))).toMatchObject({
      do: 'ask',
      plan: { text: expect.stringContaining('RestoreLoop') as string },
    });
  });

  test('of a job without checkpoints is none', () => {
    const blank = looping({ latest: null, completed: 0 });
    const e = evidence({ assessment: assessment({ runs: present([blank]), ledger: absent }) });
    expect(decide(e)).toMatchObject({ do: 'watch' });
  });
});
