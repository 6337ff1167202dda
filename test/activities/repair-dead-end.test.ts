import { beforeEach, describe, expect, test } from 'vitest';
import { repairDeadEnd } from '../../activities/repair-dead-end.js';
import type { Deps } from '../../activities/index.js';
import type { Ports, Storage } from '../../adapters/ports.js';
import { parseConfig } from '../../config/load.js';
import { failure, fault } from '../../domain/failure.js';
import { absent, present, unknown } from '../../domain/reading.js';
import { asideName, UNCHANGED_FOR, type EmptyJobResult } from '../../domain/repair.js';
import { ledger, RUN_A } from '../support/evidence.js';

const CONFIG = `
storage: { prod: { webhdfs: ['http://nn:9870'], authorities: ['nn:8020'], user: flink, allow: [/flink], scratch: /flink/probe } }
zookeeper: { main: { servers: ['zk:2181'] } }
clusters:
  counts:
    flink: { rest: ['http://jm:8081'] }
    ha: { zookeeper: main, root: /flink, clusterId: /default, storageDir: 'hdfs://nn:8020/flink/ha' }
    checkpoints: 'hdfs://nn:8020/flink/checkpoints'
jobs:
  window-counts: { cluster: counts, match: { name: window counts }, launch: { jar: x.jar } }
`;
const MADE = Date.UTC(2026, 0, 2, 3, 4, 5);
const PATH = `hdfs://nn:8020/flink/ha/job-result-store/default/${RUN_A}_DIRTY.json`;
const deadEnd: EmptyJobResult = { is: 'EmptyJobResult', run: RUN_A, path: PATH };
const input = { job: 'window-counts', deadEnd, modified: MADE };
const ASIDE = asideName(deadEnd, MADE);

/** The files of the store, by path. */
let files: Map<string, { length: number; modified: number }>;
let renames: string[];
/** What happens to a rename. */
let onRename: () => void;
let usable: boolean;

const storage: Pick<Storage, 'proveUsable' | 'stat' | 'setAside'> = {
  proveUsable: async () => {
    if (!usable) throw failure('StorageNotWritable', 'no DataNode');
    return { identity: 'nn', endpoint: 'nn:9870' };
  },
  stat: async (path) => {
    const found = files.get(path);
    return found === undefined ? absent : present({ path, kind: 'file', ...found });
  },
  setAside: async (from, to) => {
    const file = files.get(from);
    if (file === undefined || files.has(to)) throw failure('Unclassified', 'not confirmed', from);
    files.delete(from);
    files.set(to, file);
    renames.push(`${from} -> ${to}`);
    onRename();
  },
};

function deps(): Deps {
  const checkpoint = { id: '3', znode: '/x', markedForDeletion: false, handle: absent };
  const ports = {
    clock: { now: () => MADE + UNCHANGED_FOR, sleep: () => Promise.resolve() },
    storageOf: () => ({ name: 'prod', storage: storage as Storage }),
    flink: () => ({ overview: async () => unknown(fault('FlinkUnavailable', 'refused')) }),
    haStore: () => ({
      cluster: async () =>
        present({ jobs: [{ run: RUN_A, graph: true, checkpoints: [checkpoint], counter: 4 }], leader: null }),
    }),
  } as unknown as Ports;
  return {
    config: parseConfig(CONFIG, { file: '/nowhere/holdfast.yaml', env: {} }),
    ports,
    readLedger: async () => present(ledger()),
    raiseAlert: () => Promise.reject(new Error('not asked for')),
    requestRepair: () => Promise.reject(new Error('not asked for')),
    registeredSearchAttributes: async () => [],
    standingHold: async () => null,
  };
}
const repair = (change: Partial<typeof input> = {}) =>
  repairDeadEnd(deps(), { ...input, ...change }, new AbortController().signal);

beforeEach(() => {
  files = new Map([[PATH, { length: 0, modified: MADE }]]);
  renames = [];
  onRename = () => undefined;
  usable = true;
});

describe('the repair of an empty job result', () => {
  test('renames it aside and tells what was there', async () => {
    expect(await repair()).toMatchObject({
      is: 'repaired',
      repair: { from: PATH, to: ASIDE, was: { length: 0, modified: MADE }, at: MADE + UNCHANGED_FOR },
    });
    expect([...files]).toEqual([[ASIDE, { length: 0, modified: MADE }]]);
  });

  test('looks again: what got content since the approval is left alone', async () => {
    files.set(PATH, { length: 300, modified: MADE });
    expect(await repair()).toMatchObject({ is: 'not done', check: { is: 'over' } });
    expect(renames).toEqual([]);
  });

  test('looks again: with the storage away nothing is done', async () => {
    usable = false;
    expect(await repair()).toMatchObject({ is: 'not done', check: { is: 'wait', for: 'storage' } });
    expect(renames).toEqual([]);
  });

  test('does not touch a file that was written anew since the approval', async () => {
    files.set(PATH, { length: 0, modified: MADE - 60_000 });
    expect(await repair()).toMatchObject({ is: 'not done', check: { is: 'over' } });
    expect(renames).toEqual([]);
  });

  test('that was cut off after the rename finds what it did', async () => {
    onRename = () => {
      throw failure('StorageUnavailable', 'the answer was lost');
    };
    await expect(repair()).rejects.toThrow('the answer was lost');
    expect(await repair()).toMatchObject({ is: 'repaired', repair: { to: ASIDE } });
    expect(renames).toHaveLength(1);
  });

  test('of a file that is simply gone claims nothing', async () => {
    files.clear();
    expect(await repair()).toMatchObject({ is: 'not done', check: { is: 'over' } });
  });

  test.each([
    ['another run', `hdfs://nn:8020/flink/ha/job-result-store/default/${'b'.repeat(32)}_DIRTY.json`],
    ['no job result', `hdfs://nn:8020/flink/checkpoints/${RUN_A}_DIRTY.json`],
    ['a finished clean-up', `hdfs://nn:8020/flink/ha/job-result-store/default/${RUN_A}.json`],
  ])('refuses a path that is %s', async (_what, path) => {
    files.set(path, { length: 0, modified: MADE });
    await expect(repair({ deadEnd: { ...deadEnd, path } })).rejects.toMatchObject({
      fault: { code: 'StateForeign' },
    });
    expect(renames).toEqual([]);
  });
});
