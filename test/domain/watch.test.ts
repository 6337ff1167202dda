import { describe, expect, test } from 'vitest';
import type { RunId } from '../../domain/ids.js';
import { emptyLedger, record, type JobLedger, type RestoredFrom } from '../../domain/ledger.js';
import {
  nothingNoted,
  patienceOf,
  watched,
  type JobWatch,
  type Look,
  type View,
} from '../../domain/watch.js';
import { point, RUN_A, RUN_B } from '../support/evidence.js';

const PATIENCE = patienceOf({ sessionTimeout: 10_000 });
const SECOND = 1_000;
const FROM_POINT: RestoredFrom = { is: 'point', path: 'hdfs://nn/x' };

const ledgerOf = (
  state: string,
  {
    restoredFrom = FROM_POINT,
    ids = [5],
    before = emptyLedger(0),
    run = RUN_A,
    started = 1,
  }: {
    readonly restoredFrom?: RestoredFrom;
    readonly ids?: readonly number[];
    readonly before?: JobLedger;
    readonly run?: RunId;
    readonly started?: number;
  } = {},
): JobLedger =>
  record(before, { run, started, restoredFrom, state, points: ids.map((id) => point(run, id)), at: 100 });

const alive: View = { is: 'answered', shown: [RUN_A], alive: [RUN_A] };
const notShown: View = { is: 'answered', shown: [], alive: [] };
const nobody: View = { is: 'unanswered', leads: 'nobody' };
const somebody: View = { is: 'unanswered', leads: 'somebody' };
const silence: View = { is: 'unanswered', leads: 'unknown' };

/** Looks at seconds, one after the other; what was raised, with the second. */
function watch(
  ledger: JobLedger,
  looks: readonly (readonly [second: number, view: View])[],
): readonly string[] {
  let noted: JobWatch = nothingNoted;
  return looks.flatMap(([second, view]) => {
    const look: Look = { before: ledger, after: ledger, view, running: null, at: second * SECOND };
    const seen = watched(noted, look, PATIENCE);
    noted = seen.noted;
    return seen.alarms.map((a) => `${second} s: ${a.what}`);
  });
}

describe('a run that disappears with its JobManager', () => {
  const rows: readonly [promise: string, ledger: JobLedger, looks: [number, View][], raised: string[]][] = [
    [
      'is lost when the JobManager that leads has not shown it for session time-out and start',
      ledgerOf('RUNNING'),
      [
        [0, alive],
        [10, notShown],
        [70, notShown],
        [80, notShown],
        [90, notShown],
      ],
      ['80 s: lost'],
    ],
    [
      'is lost when ZooKeeper says for as long that nobody leads',
      ledgerOf('RESTARTING'),
      [
        [10, nobody],
        [79, nobody],
        [80, nobody],
        [500, nobody],
      ],
      ['80 s: lost'],
    ],
    [
      'is not lost in a failover that takes seconds',
      ledgerOf('RUNNING'),
      [
        [10, nobody],
        [40, notShown],
        [70, alive],
        [80, nobody],
        [140, nobody],
      ],
      [],
    ],
    [
      'is not lost while a leader is recorded that only does not answer',
      ledgerOf('RUNNING'),
      [
        [0, somebody],
        [600, somebody],
        [6_000, somebody],
      ],
      [],
    ],
    [
      'is unknown, not lost, while neither answers, for ten minutes',
      ledgerOf('RUNNING'),
      [
        [0, silence],
        [599, silence],
        [600, silence],
        [700, silence],
      ],
      ['600 s: lost'],
    ],
    [
      'is waited for anew after a leader was seen',
      ledgerOf('RUNNING'),
      [
        [0, nobody],
        [60, somebody],
        [70, nobody],
        [130, nobody],
        [140, nobody],
      ],
      ['140 s: lost'],
    ],
    [
      'can be lost again after it was seen',
      ledgerOf('RUNNING'),
      [
        [0, nobody],
        [70, nobody],
        [80, alive],
        [90, nobody],
        [160, nobody],
      ],
      ['70 s: lost', '160 s: lost'],
    ],
    [
      'is not lost when another run of the job is alive',
      ledgerOf('RUNNING'),
      [
        [0, { is: 'answered', shown: [RUN_B], alive: [RUN_B] }],
        [900, { is: 'answered', shown: [RUN_B], alive: [RUN_B] }],
      ],
      [],
    ],
    [
      'is not lost when it was cancelled',
      ledgerOf('CANCELLING'),
      [
        [0, notShown],
        [900, notShown],
      ],
      [],
    ],
    [
      'is not lost when it has ended',
      ledgerOf('CANCELED'),
      [
        [0, notShown],
        [900, notShown],
      ],
      [],
    ],
    [
      'is not missed when nobody has ever seen it',
      emptyLedger(0),
      [
        [0, notShown],
        [900, notShown],
      ],
      [],
    ],
  ];
  test.each(rows)('%s', (_promise, ledger, looks, raised) => {
    expect(watch(ledger, looks)).toEqual(raised);
  });

  test('the alert says what was seen and for how long', () => {
    const ledger = ledgerOf('RUNNING');
    const look = { before: ledger, after: ledger, view: nobody, running: null };
    const { noted } = watched(nothingNoted, { ...look, at: 0 }, PATIENCE);
    expect(watched(noted, { ...look, at: 75_000 }, PATIENCE).alarms).toEqual([
      {
        what: 'lost',
        run: RUN_A,
        since: 0,
        summary: `run ${RUN_A} was RUNNING, and no JobManager answers, and ZooKeeper has recorded no leader for 75 s`,
      },
    ]);
  });
});

describe('a run that has failed', () => {
  const failed = (before: JobLedger, after: JobLedger) =>
    watched(
      nothingNoted,
      { before, after, view: { is: 'answered', shown: [RUN_A], alive: [] }, running: null, at: 1 },
      PATIENCE,
    ).alarms.map((a) => a.what);

  test('is told once', () => {
    expect(failed(ledgerOf('RUNNING'), ledgerOf('FAILED'))).toEqual(['failed']);
    expect(failed(ledgerOf('FAILED'), ledgerOf('FAILED'))).toEqual([]);
  });
  test('is told when it was never seen alive', () => {
    expect(failed(emptyLedger(0), ledgerOf('FAILED'))).toEqual(['failed']);
  });
  test('a cancelled or finished run is somebody else’s decision', () => {
    expect(failed(ledgerOf('RUNNING'), ledgerOf('CANCELED'))).toEqual([]);
    expect(failed(ledgerOf('RUNNING'), ledgerOf('FINISHED'))).toEqual([]);
  });
});

describe('a run that is blank', () => {
  const NOTHING: RestoredFrom = { is: 'nothing' };
  const seen = (
    after: JobLedger,
    newest: string | null,
    run: RunId = RUN_A,
    noted = nothingNoted,
    restored = after.runs[0]?.restoredFrom ?? NOTHING,
  ) =>
    watched(
      noted,
      { before: after, after, view: alive, running: { run, restored, newest }, at: 1 },
      PATIENCE,
    );
  const raised = (...of: Parameters<typeof seen>) => seen(...of).alarms.map((a) => a.what);

  test('started from nothing although earlier runs had points', () => {
    const before = ledgerOf('FAILED');
    const after = ledgerOf('RUNNING', { before, run: RUN_B, started: 2, restoredFrom: NOTHING, ids: [1] });
    expect(raised(after, '1', RUN_B)).toEqual(['blank']);
  });
  test('started over: its checkpoint ids went back', () => {
    expect(raised(ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7] }), '2')).toEqual(['blank']);
    expect(raised(ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7] }), null)).toEqual(['blank']);
  });
  test('started over: its ids went on, and a checkpoint is older than its start', () => {
    expect(raised(ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7], started: 5_000 }), '8')).toEqual([
      'blank',
    ]);
  });
  test('is told once, and again only after it was not blank', () => {
    const after = ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7] });
    const { noted } = seen(after, '2');
    expect(raised(after, '3', RUN_A, noted)).toEqual([]);
    const better = seen(after, '8', RUN_A, noted);
    expect(better.noted.blank).toBeNull();
    expect(raised(after, '2', RUN_A, better.noted)).toEqual(['blank']);
  });
  test('a first run that counts its own checkpoints is not blank', () => {
    expect(raised(ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7, 8] }), '8')).toEqual([]);
  });
  test('a first run that restored its own checkpoint after a failover is not blank', () => {
    const before = ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7] });
    const own: RestoredFrom = { is: 'point', path: point(RUN_A, 7).path };
    const after = ledgerOf('RUNNING', { before, started: 5_000, restoredFrom: own, ids: [7, 8] });
    expect(after.runs[0]?.restoredFrom).toEqual(NOTHING);
    expect(raised(after, '8', RUN_A, nothingNoted, own)).toEqual([]);
  });
  test('a run that was restored is not blank, whatever its ids', () => {
    expect(raised(ledgerOf('RUNNING', { ids: [7] }), '2')).toEqual([]);
  });
  test('nothing is said before its tasks run', () => {
    const after = ledgerOf('RUNNING', { restoredFrom: NOTHING, ids: [7] });
    const look = { before: after, after, view: alive, running: null, at: 1 };
    expect(watched(nothingNoted, look, PATIENCE).alarms).toEqual([]);
  });
});
