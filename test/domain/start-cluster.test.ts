import { describe, expect, test } from 'vitest';
import { LASTS } from '../../domain/dead-end.js';
import { decide } from '../../domain/decide.js';
import type { Evidence } from '../../domain/evidence.js';
import { fault } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { present, unknown } from '../../domain/reading.js';
import type { Assessment, HaView } from '../../domain/situation.js';
import { checkStart } from '../../domain/start-cluster.js';
import { stillStuck } from '../../domain/stuck.js';
import { assessment, evidence, ledger, path, RUN_A, RUN_B } from '../support/evidence.js';

const away = unknown(fault('FlinkUnavailable', 'connection refused'));
const kept: HaView = { run: RUN_A, graph: true, checkpoints: 3, belongs: 'ours' };
/** Nobody leads, everything that Flink needs is proved healthy, and there is a command. */
const nobody: Partial<Assessment> = {
  leader: away,
  settings: away,
  runs: away,
  ha: present([kept]),
  leads: present(null),
  needs: { storage: null },
  lostEntries: present([]),
  canStart: true,
};
const deadEnd = { is: 'NoJobManager', run: RUN_A, leader: null } as const;
const lastSeen = (state: string) =>
  present(ledger({ runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state, seen: 2 }] }));
const lost = { run: RUN_B, znode: '/z', file: 'hdfs://nn/ha/x', point: path(RUN_B, 1) };

/** When the JobManager may be started (design, 4.4). */
const table: readonly [promise: string, seen: Partial<Assessment>, expected: string][] = [
  ['nobody leads, and nothing speaks against it', {}, 'ready'],
  ['a job that nobody has watched', { ledger: present(ledger({ runs: [] })) }, 'ready'],
  ['a JobManager leads', assessment({ ha: present([kept]) }), 'over'],
  [
    'an election goes on: it looks like nobody, too',
    { runs: unknown(fault('FlinkRestarting', 'x')) },
    'ready',
  ],
  ['credentials are refused: somebody answers', { runs: unknown(fault('AuthFailed', '401')) }, 'over'],
  ['ZooKeeper does not answer', { ha: unknown(fault('HaStoreUnavailable', 'no quorum')) }, 'over'],
  ['who leads is not known', { leads: unknown(fault('HaStoreUnavailable', 'no quorum')) }, 'over'],
  ['ZooKeeper names a leader that does not answer here', { leads: present('http://jm:8081') }, 'forbidden'],
  ['the storage is away', { needs: { storage: fault('StorageUnavailable', 'refused') } }, 'over'],
  ['ZooKeeper does not hold the job', { ha: present([]) }, 'over'],
  ['ZooKeeper holds another run of it', { ha: present([{ ...kept, run: RUN_B }]) }, 'over'],
  [
    'ZooKeeper holds the job without checkpoints: it would start from nothing',
    { ha: present([{ ...kept, checkpoints: 0 }]) },
    'forbidden',
  ],
  ['the HA file of any job is lost', { lostEntries: present([lost]) }, 'forbidden'],
  ['the HA files cannot be seen', { lostEntries: unknown(fault('StorageUnavailable', 'refused')) }, 'over'],
  [
    'the job result of any job is empty',
    { dirty: present([{ run: RUN_B, path: '/r', length: 0 }]) },
    'forbidden',
  ],
  ['the job results cannot be read', { dirty: unknown(fault('StorageUnavailable', 'refused')) }, 'over'],
  ['somebody was cancelling the job', { ledger: lastSeen('CANCELLING') }, 'forbidden'],
  ['no command is configured', { canStart: false }, 'forbidden'],
];

describe('starting the JobManager', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    expect(checkStart(deadEnd, assessment({ ...nobody, ...seen })).is).toBe(expected);
  });

  const at = (ms: number, seen: Partial<Assessment> = {}) => assessment({ ...nobody, ...seen, at: ms });
  const late = (seen: Partial<Assessment> = {}, known: Partial<Evidence> = {}) =>
    evidence({
      assessment: at(1_000 + LASTS.NoJobManager, seen),
      stuck: stillStuck(null, at(1_000, seen)),
      ...known,
    });
  const question = (e: Evidence) => {
    const next = decide(e);
    if (next.do !== 'ask') throw new Error(next.do);
    return next.plan;
  };

  test('is proposed after three minutes, and not before', () => {
    const e = late();
    expect(decide({ ...e, assessment: at(LASTS.NoJobManager) })).toMatchObject({ do: 'watch' });
    const { approves, text, about } = question(e);
    expect(about).toBe('dead end');
    expect(approves).toBe(
      'start the JobManager with startCluster; none leads since 1970-01-01T00:00:01.000Z',
    );
    expect(text).toContain('ZooKeeper holds 3 checkpoints');
  });

  test('is done with the consent of a person, and that counts for this time only', () => {
    const approved = [question(late()).digest];
    expect(decide({ ...late(), approved })).toEqual({ do: 'repair', deadEnd, modified: 1_000 });
    const again = evidence({
      assessment: at(2_000 + LASTS.NoJobManager),
      stuck: stillStuck(null, at(2_000)),
      approved,
    });
    expect(decide(again)).toMatchObject({ do: 'ask' });
  });

  test.each<[string, Evidence, string]>([
    ['no command is configured', late({ canStart: false }), 'clusters.<name>.startCluster'],
    ['policy repairs is never', late({}, { policy: { ...STRICT, repairs: 'never' } }), 'only reports'],
    ['attempts is 0', late({}, { policy: { ...STRICT, attempts: 0 } }), 'only reports'],
    ['ZooKeeper holds no checkpoint', late({ ha: present([{ ...kept, checkpoints: 0 }]) }), 'from nothing'],
    ['ZooKeeper names a leader', late({ leads: present('http://jm:8081') }), 'http://jm:8081'],
  ])('is explained, with nothing to approve, when %s', (_why, e, told) => {
    const { approves, text } = question(e);
    expect(approves).toBeNull();
    expect(text).toContain('NoJobManager');
    expect(text).toContain(told);
  });

  test('is what a clean-up needs that no JobManager goes on with', () => {
    const e = late({ ha: present([{ ...kept, graph: false }]) });
    expect(question(e).text).toContain('NoJobManager');
  });
});
