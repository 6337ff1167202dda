import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { zookeeperHaStore } from '../../adapters/zookeeper.js';
import type { HaCluster } from '../../adapters/ports.js';
import type { Reading } from '../../domain/reading.js';
import { type FakeZooKeeper, startFakeZooKeeper } from '../support/fake-zookeeper.js';

const FIXTURES =
  process.env.HOLDFAST_FIXTURES ?? path.resolve(import.meta.dirname, '../../../shared/fixtures');
const RUN = 'a'.repeat(32);
const AT = { root: '/flink', clusterId: '/default' };

let fake: FakeZooKeeper;
beforeEach(async () => {
  fake = await startFakeZooKeeper();
});
afterEach(() => fake.close());

const look = (deadline = 3_000, servers = [fake.address]): Promise<Reading<HaCluster>> =>
  zookeeperHaStore('main', { servers }).cluster(AT, { signal: new AbortController().signal, deadline });

describe('an HA tree written by real Flink', () => {
  for (const name of ['1.13-ha-legacy', '1.17-ha-inline', '1.20-ha-kafka', '2.3-ha-rocks'])
    it(`is read as Flink reads it: ${name}`, async () => {
      const cases = path.join(FIXTURES, 'generated/cases', name, 'zk');
      for (const file of readdirSync(cases))
        fake.set(`/${file.replace(/\.bin$/, '').replaceAll('~', '/')}`, readFileSync(path.join(cases, file)));
      const expected = JSON.parse(
        readFileSync(path.join(FIXTURES, 'generated/expected', name, 'ha.json'), 'utf8'),
      ) as { entries: { znode: string; counter?: number; haFile?: string; haFileSize?: number }[] };
      const [, root = '', clusterId = ''] =
        /^(\/[^/]+)(\/[^/]+)/.exec(expected.entries[0]?.znode ?? '') ?? [];

      const reading = await zookeeperHaStore('main', { servers: [fake.address] }).cluster(
        { root, clusterId },
        { signal: new AbortController().signal },
      );

      if (reading.is !== 'present') throw new Error(`expected present, found ${JSON.stringify(reading)}`);
      const [job] = reading.value.jobs;
      expect(reading.value.jobs).toHaveLength(1);
      expect(job?.counter).toBe(expected.entries.find(({ counter }) => counter !== undefined)?.counter);
      expect(
        job?.checkpoints.map(({ znode, markedForDeletion, handle }) => ({
          znode,
          markedForDeletion,
          handle,
        })),
      ).toEqual(
        expected.entries
          .filter(({ haFile }) => haFile !== undefined)
          .map(({ znode, haFile, haFileSize }) => ({
            znode,
            markedForDeletion: false,
            handle: { is: 'present', value: { path: haFile, size: haFileSize } },
          }))
          .reverse(),
      );
    });
});

it('says absent when the root is there and the cluster is not', async () => {
  fake.set('/flink');
  expect(await look()).toEqual({ is: 'absent' });
});

it('says unknown, not absent, when the root itself is missing', async () => {
  expect(await look()).toMatchObject({ is: 'unknown', because: { code: 'ConfigInvalid' } });
});

it('reads an empty cluster as no jobs and no leader', async () => {
  fake.set('/flink/default');
  expect(await look()).toEqual({ is: 'present', value: { jobs: [], leader: null } });
});

describe('a reply code', () => {
  const codes: readonly (readonly [number, string])[] = [
    [-4, 'HaStoreUnavailable'],
    [-7, 'HaStoreUnavailable'],
    [-122, 'HaStoreUnavailable'],
    [-112, 'HaStoreUnavailable'],
    [-118, 'HaStoreUnavailable'],
    [-127, 'HaStoreUnavailable'],
    [-1, 'HaStoreUnavailable'],
    [-2, 'HaStoreUnavailable'],
    [-3, 'HaStoreUnavailable'],
    [-102, 'AccessDenied'],
    [-115, 'AuthFailed'],
    [-124, 'AuthFailed'],
    [-114, 'ConfigInvalid'],
    [-8, 'ConfigInvalid'],
    [-6, 'ConfigInvalid'],
    [-5, 'ConfigInvalid'],
    [-103, 'Unclassified'],
    [-110, 'Unclassified'],
    [-111, 'Unclassified'],
    [-119, 'Unclassified'],
    [-125, 'Unclassified'],
    [-999, 'Unclassified'],
  ];
  for (const op of ['multi', 'getData', 'getChildren2'] as const)
    for (const [code, expected] of codes) {
      if (op === 'multi' && code === -102) continue;
      it(`${code} in answer to ${op} is ${expected}`, async () => {
        fake.set(`/flink/default/jobs/${RUN}/checkpoints/0000000000000000001`);
        fake.onRequest((request) => (request.op === op ? { code } : undefined));
        expect(await look()).toMatchObject({ is: 'unknown', because: { code: expected } });
        await expect.poll(fake.connections).toBe(0);
      });
    }
});
