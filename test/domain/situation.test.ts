import { describe, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { absent, present, unknown } from '../../domain/reading.js';
import {
  endedUnseen,
  situationOf,
  type Assessment,
  type HaView,
  type Situation,
} from '../../domain/situation.js';
import { assessment, ledger, path, run, RUN_A, RUN_B } from '../support/evidence.js';

const cut = unknown(fault('FlinkUnavailable', 'connection refused'));
const ha = (change: Partial<HaView> = {}): HaView => ({
  run: RUN_A,
  graph: true,
  checkpoints: 3,
  belongs: 'ours',
  ...change,
});
const alive = run({ state: 'RUNNING', running: 4, ended: null });
const cancelled = ledger({
  runs: [{ run: RUN_B, started: 5_000, restoredFrom: { is: 'unseen' }, state: 'CANCELED', seen: 6_000 }],
});

const lastSeen = (state: string) =>
  present(ledger({ runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state, seen: 6_000 }] }));
const recorded = (length: number) => ({ run: RUN_A, path: '/results/a_DIRTY.json', length });
const result = (length: number) => present([recorded(length)]);
const archived = (state: string) => present({ run: RUN_A, state });
/** Nobody leads. */
const noLeader: Partial<Assessment> = { runs: cut, leader: cut, settings: cut };
/** A JobManager leads and knows no run of the job; ZooKeeper holds nothing. */
const forgotten: Partial<Assessment> = { runs: present([]) };

type Row = readonly [promise: string, seen: Partial<Assessment>];

/** The table of the design, section 4.2, row by row: what is seen, and who can bring the job back. */
const table: Readonly<Record<Situation['is'], readonly Row[]>> = {
  healthy: [
    ['all tasks run and checkpoints complete', { runs: present([alive]), ledger: absent }],
    ['its newest checkpoint is the one that the ledger knows', { runs: present([alive]) }],
    [
      'it was restored, and older runs have points',
      {
        runs: present([
          { ...alive, run: RUN_B, started: 9_000, restoredFrom: { is: 'point', path: path(RUN_A, 12) } },
          run(),
        ]),
      },
    ],
  ],
  'flink-recovering': [
    ['RESTARTING', { runs: present([run({ state: 'RESTARTING' })]) }],
    [
      'RESTARTING, whatever the ledger last saw',
      { runs: present([run({ state: 'RESTARTING' })]), ledger: lastSeen('FAILED') },
    ],
    ['RUNNING without a TaskManager', { runs: present([run({ state: 'RUNNING', running: 0 })]) }],
    ['some of its tasks do not run', { runs: present([{ ...alive, running: 3 }]) }],
    [
      'it runs, and no checkpoint has completed yet',
      { runs: present([{ ...alive, completed: 0 }]), ledger: absent },
    ],
    ['somebody is cancelling it', { runs: present([run({ state: 'CANCELLING' })]) }],
    ['it is failing, and its JobManager still at it', { runs: present([run({ state: 'FAILING' })]) }],
  ],
  held: [
    ['ZooKeeper holds it, nobody leads', { ...noLeader, ha: present([ha()]) }],
    [
      'ZooKeeper holds it, an election goes on',
      { ...noLeader, runs: unknown(fault('FlinkRestarting', 'election')), ha: present([ha()]) },
    ],
    ['ZooKeeper holds it, a JobManager is just back', { ...forgotten, ha: present([ha()]) }],
    ['ZooKeeper holds it, although Flink shows it FAILED', { ha: present([ha()]) }],
    [
      'the job result store cannot be read, nobody leads',
      { ...noLeader, ha: present([ha()]), dirty: unknown(fault('StorageUnavailable', 'refused')) },
    ],
  ],
  'dead-end': [
    ['an empty job result, nobody leads', { ...noLeader, ha: present([ha()]), dirty: result(0) }],
    ['an empty job result, a JobManager leads', { ...forgotten, ha: present([ha()]), dirty: result(0) }],
  ],
  cleaning: [
    [
      'a job result that tells its end',
      { ha: present([ha()]), dirty: present([{ ...recorded(9), state: present('CANCELED') }]) },
    ],
    ['a job result with content', { ha: present([ha()]), dirty: result(300) }],
    ['a job result with content, nobody leads', { ...noLeader, ha: present([ha()]), dirty: result(300) }],
    ['its graph is gone, its checkpoints are not', { ha: present([ha({ graph: false })]) }],
    [
      'its graph is gone, its checkpoints are not, nobody leads',
      { ...noLeader, ha: present([ha({ graph: false })]) },
    ],
  ],
  ended: [
    ['REST shows it CANCELED', { runs: present([run({ state: 'CANCELED' })]) }],
    ['REST shows it FINISHED', { runs: present([run({ state: 'FINISHED' })]) }],
    ['the ledger last saw it CANCELED', { ...forgotten, ledger: lastSeen('CANCELED') }],
    [
      'the ledger last saw it CANCELLING, whatever the archive shows',
      { ...forgotten, ledger: lastSeen('CANCELLING'), archived: archived('FAILED') },
    ],
    [
      'the archive shows it CANCELED, the ledger last saw it RUNNING',
      { ...forgotten, archived: archived('CANCELED') },
    ],
    [
      'the archive shows it FINISHED, the ledger last saw it RESTARTING',
      { ...forgotten, ledger: lastSeen('RESTARTING'), archived: archived('FINISHED') },
    ],
    ['REST shows an older run FAILED, the ledger saw a newer one CANCELED', { ledger: present(cancelled) }],
  ],
  abandoned: [
    ['REST shows it FAILED', {}],
    ['the ledger last saw it FAILED', { ...forgotten, ledger: lastSeen('FAILED') }],
    ['the ledger last saw it RESTARTING', { ...forgotten, ledger: lastSeen('RESTARTING') }],
    ['the ledger last saw it FAILING', { ...forgotten, ledger: lastSeen('FAILING') }],
    [
      'the ledger last saw it RESTARTING, there is no archive of it',
      { ...forgotten, ledger: lastSeen('RESTARTING'), archived: absent },
    ],
    [
      'its job result shows it FAILED, the ledger last saw it RUNNING',
      { ...forgotten, archived: present({ run: RUN_A, state: 'FAILED', by: 'job result' }) },
    ],
    [
      'the archive shows it FAILED, the ledger last saw it RUNNING',
      { ...forgotten, archived: archived('FAILED') },
    ],
    ["only another job's HA data is there", { ha: present([ha({ run: RUN_B, belongs: 'other' })]) }],
    [
      'this case has cancelled it itself, on approval',
      { runs: present([run({ state: 'CANCELED' })]), stopped: [RUN_A] },
    ],
    [
      'this case has cancelled it itself, and only the archive knows',
      { ...forgotten, archived: archived('CANCELED'), stopped: [RUN_A] },
    ],
  ],
  vanished: [
    ['the ledger last saw it RUNNING', forgotten],
    ['the ledger last saw it RUNNING, there is no archive of it', { ...forgotten, archived: absent }],
    ['the archive is of another run', { ...forgotten, archived: present({ run: RUN_B, state: 'FAILED' }) }],
    ['nobody knows any run of it', { ...forgotten, ledger: absent }],
  ],
  blank: [
    [
      'it runs from nothing, and older runs have points',
      { runs: present([{ ...alive, run: RUN_B, started: 9_000, completed: 1 }, run()]) },
    ],
    [
      'it began from nothing, older runs have points, and a failover restored its own checkpoint',
      {
        runs: present([
          {
            ...alive,
            run: RUN_B,
            started: 9_000,
            restoredFrom: { is: 'point', path: path(RUN_B, 2) },
            completed: 1,
          },
          run(),
        ]),
        ledger: present(
          ledger({
            runs: [
              { run: RUN_B, started: 8_000, restoredFrom: { is: 'nothing' }, state: 'RUNNING', seen: 8_500 },
            ],
          }),
        ),
      },
    ],
    [
      'Flink started the same run over, its own checkpoints forgotten',
      { runs: present([{ ...alive, completed: 1, newest: { id: '1', triggered: 9_000 } }]) },
    ],
    [
      'Flink started the same run over, and its ids went on',
      { runs: present([{ ...alive, started: 5_000, completed: 1, newest: { id: '13', triggered: 9_000 } }]) },
    ],
  ],
  twins: [['two of its runs are alive', { runs: present([alive, { ...alive, run: RUN_B }]) }]],
  unknown: [
    ['REST does not answer, and ZooKeeper holds nothing', noLeader],
    ['REST does not answer, and the ledger saw it FAILED', { ...noLeader, ledger: lastSeen('FAILED') }],
    ['REST answers for its jobs and not for its settings', { settings: cut }],
    ['ZooKeeper does not answer', { ha: unknown(fault('HaStoreUnavailable', 'no quorum')) }],
    [
      'ZooKeeper does not answer, although REST shows it running',
      { runs: present([alive]), ha: unknown(fault('HaStoreUnavailable', 'no quorum')) },
    ],
    ['the ledger cannot be read', { ledger: unknown(fault('Unclassified', 'no answer')) }],
    ['the job result store cannot be read', { dirty: unknown(fault('StorageUnavailable', 'refused')) }],
    [
      'the archive cannot be read, and nobody saw it end',
      { ...forgotten, archived: unknown(fault('StorageUnavailable', 'refused')) },
    ],
    [
      'the archive cannot be read, and the ledger last saw it RESTARTING',
      {
        ...forgotten,
        ledger: lastSeen('RESTARTING'),
        archived: unknown(fault('StorageUnavailable', 'refused')),
      },
    ],
    ['the HA settings of the cluster differ', { settings: present({ differs: 'cluster-id' }) }],
    [
      'the HA settings of the cluster differ, although REST shows it running',
      { runs: present([alive]), settings: present({ differs: 'cluster-id' }) },
    ],
    ['an HA entry belongs to nobody', { ha: present([ha({ run: RUN_B, belongs: 'nobody' })]) }],
  ],
};

describe('who can bring this job back', () => {
  describe.each(Object.entries(table))('%s', (expected, rows) => {
    test.each(rows)('%s', (_promise, seen) => {
      expect(situationOf(assessment(seen)).is).toBe(expected);
    });
  });

  test('an end that was seen needs no archive', () => {
    for (const seen of [{}, { ledger: lastSeen('FAILED'), ...forgotten }, { runs: present([alive]) }])
      expect(endedUnseen(assessment(seen))).toBeNull();
    expect(endedUnseen(assessment({ ...forgotten, ha: present([ha()]) })), 'held').toBeNull();
    expect(endedUnseen(assessment(forgotten))).toBe(RUN_A);
    expect(endedUnseen(assessment({ ...forgotten, ledger: lastSeen('RESTARTING') }))).toBe(RUN_A);
  });

  test('what Flink has recorded while it cleans up is named', () => {
    const dirty = present([{ ...recorded(9), state: present('CANCELED') }]);
    const { because } = situationOf(assessment({ ha: present([ha()]), dirty }));
    expect(because).toBe(`Flink has recorded ${RUN_A} as CANCELED and is cleaning up`);
  });

  test('a graph without checkpoints is not called a job with its checkpoints', () => {
    const seen = { ...noLeader, ha: present([ha({ checkpoints: 0 })]) };
    expect(situationOf(assessment(seen)).because).toContain('no checkpoint of it');
  });

  test("another job's empty result is named as what keeps the cluster from starting", () => {
    const path = `/results/${RUN_B}_DIRTY.json`;
    const dirty = present([{ run: RUN_B, path, length: 0 }]);
    const seen = { runs: cut, leader: cut, settings: cut, ha: present([ha()]), dirty };
    const situation = situationOf(assessment(seen));
    expect(situation.is).toBe('held');
    expect(situation.because).toContain(path);
  });
});
