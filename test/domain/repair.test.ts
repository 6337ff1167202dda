import { describe, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import type { JobLedger } from '../../domain/ledger.js';
import { absent, present, unknown } from '../../domain/reading.js';
import {
  asideName,
  checkRepair,
  UNCHANGED_FOR,
  type EmptyJobResult,
  type RepairEvidence,
} from '../../domain/repair.js';
import { ledger, RUN_A, RUN_B } from '../support/evidence.js';

const MADE = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const STORE = 'hdfs://nn:8020/flink/ha/job-result-store/default';
const deadEnd: EmptyJobResult = {
  is: 'EmptyJobResult',
  run: RUN_A,
  path: `${STORE}/${RUN_A}_DIRTY.json`,
};
const lastState = (state: string): JobLedger =>
  ledger({
    runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state, seen: MADE - 3_000 }],
  });
const held = { run: RUN_A, graph: true, checkpoints: 3, belongs: 'ours' } as const;
const refused = unknown(fault('FlinkUnavailable', 'connection refused'));

/** A DataNode was away, and everything that speaks for the repair is there. */
const looked = (change: Partial<RepairEvidence> = {}): RepairEvidence => ({
  at: MADE + UNCHANGED_FOR,
  storage: null,
  leader: refused,
  file: present({ length: 0, modified: MADE }),
  ha: present([held]),
  ledger: present(lastState('RESTARTING')),
  ...change,
});

/** One row per precondition of the design, section 4.4. */
const table: readonly [promise: string, seen: Partial<RepairEvidence>, expected: string][] = [
  ['all preconditions hold', {}, 'ready'],
  [
    'a run that was last seen RUNNING was not cancelled either',
    { ledger: present(lastState('RUNNING')) },
    'ready',
  ],
  ['a run that was last seen FAILED', { ledger: present(lastState('FAILED')) }, 'ready'],
  ['the storage is not usable', { storage: fault('StorageNotWritable', 'no DataNode') }, 'wait for storage'],
  ['the file cannot be looked at', { file: unknown(fault('StorageUnavailable', 'x')) }, 'wait for storage'],
  ['ZooKeeper cannot be read', { ha: unknown(fault('HaStoreUnavailable', 'x')) }, 'wait for zookeeper'],
  ['the ledger cannot be read', { ledger: unknown(fault('Unclassified', 'x')) }, 'wait for a time'],
  [
    'a cluster that refuses us may have a leader',
    { leader: unknown(fault('AuthFailed', '401')) },
    'wait for a time',
  ],
  ['one millisecond too young', { at: MADE + UNCHANGED_FOR - 1 }, 'wait for a time'],
  ['a JobManager leads', { leader: present({ endpoint: 'http://jm:8081' }) }, 'over'],
  ['the file is gone', { file: absent }, 'over'],
  [
    'the file has content: it means that clean-up is due',
    { file: present({ length: 300, modified: MADE }) },
    'over',
  ],
  ['ZooKeeper has no checkpoint of the run', { ha: present([{ ...held, checkpoints: 0 }]) }, 'forbidden'],
  ['ZooKeeper has only another run', { ha: present([{ ...held, run: RUN_B }]) }, 'forbidden'],
  ['ZooKeeper has nothing', { ha: absent }, 'forbidden'],
  ['nobody watched the run', { ledger: absent }, 'forbidden'],
  [
    'the ledger knows only other runs',
    { ledger: present({ ...lastState('FAILED'), runs: [] }) },
    'forbidden',
  ],
  ['a person was cancelling it', { ledger: present(lastState('CANCELLING')) }, 'forbidden'],
  ['a person had cancelled it', { ledger: present(lastState('CANCELED')) }, 'forbidden'],
  ['it had finished', { ledger: present(lastState('FINISHED')) }, 'forbidden'],
];

describe('an empty job result', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    const check = checkRepair(deadEnd, looked(seen));
    const said =
      check.is === 'wait'
        ? `wait for ${check.for ?? (check.until === null ? 'nothing' : 'a time')}`
        : check.is;
    expect(said).toBe(expected);
  });

  test('that is too young is looked at again when it is old enough', () => {
    expect(checkRepair(deadEnd, looked({ at: MADE + 1_000 }))).toMatchObject({ until: MADE + UNCHANGED_FOR });
  });

  test('is ready with every proof in a sentence', () => {
    expect(checkRepair(deadEnd, looked())).toMatchObject({
      modified: MADE,
      proofs: [
        'the storage is usable: a file was written and read back',
        'no JobManager leads',
        'the file has 0 bytes and was not changed for 120 s',
        'ZooKeeper holds 3 checkpoints of the run',
        `run ${RUN_A} was last seen RESTARTING, 3 s before the file was made: nobody was seen cancelling it`,
      ],
    });
  });
});

describe('the name aside', () => {
  test('lies in the same directory and ends in nothing that Flink reads', () => {
    expect(asideName(deadEnd, MADE)).toBe(
      `${STORE}/holdfast-aside-20260102T030405Z-${RUN_A}_DIRTY.json.empty`,
    );
  });

  test('is the same for the same file, and another for another', () => {
    expect(asideName(deadEnd, MADE)).toBe(asideName(deadEnd, MADE));
    expect(asideName(deadEnd, MADE + 1_000)).not.toBe(asideName(deadEnd, MADE));
  });
});
