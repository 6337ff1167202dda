import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectPorts } from '../../adapters/connect.js';
import type { Config } from '../../config/config.js';
import { clusterName } from '../../domain/ids.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-connect-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ports = () =>
  connectPorts({
    file: join(folder, 'holdfast.yaml'),
    storage: {
      local: { kind: 'file', allow: [folder], scratch: folder },
      prod: {
        kind: 'webhdfs',
        webhdfs: ['http://127.0.0.1:1'],
        nameservice: 'prod',
        authorities: [],
        user: null,
        allow: ['/flink'],
        scratch: '/flink/holdfast',
        redirectHosts: [],
      },
    },
    zookeeper: { main: { servers: ['127.0.0.1:1'] } },
    kafka: { main: { brokers: ['127.0.0.1:1'] } },
    clusters: { [clusterName('counts')]: { flink: { rest: ['http://127.0.0.1:1'] } } },
    notices: [],
    limits: { restores: 1, nameNodeCalls: 10, steps: 1 },
  } as unknown as Config);

it('finds the storage that a URI belongs to, and calls every other URI foreign', () => {
  const made = ports();
  expect(made.storageOf('hdfs://prod/flink/checkpoints')).toMatchObject({ name: 'prod' });
  expect(made.storageOf(`file:${folder}/chk-1`)).toMatchObject({ name: 'local' });
  expect(made.storageOf('hdfs://elsewhere/flink')).toMatchObject({ code: 'StateForeign' });
  expect(made.storageOf('s3://bucket/flink')).toMatchObject({ code: 'StateForeign' });
});

it('gives each system by its name in the configuration, and names those that there are', () => {
  const made = ports();
  expect(made.storage('prod')).toBeDefined();
  expect(made.haStore('main')).toBeDefined();
  expect(made.kafka('main')).toBeDefined();
  expect(made.flink('counts')).toBeDefined();
  expect(() => made.kafka('other')).toThrow('main');
  expect(() => made.haStore('other')).toThrow('main');
  expect(() => made.flink('other')).toThrow('counts');
  expect(() => made.storage('other')).toThrow('local, prod');
});

it('connects to nothing before it is asked, and closes whatever was used', async () => {
  const made = ports();
  const { signal } = new AbortController();
  expect(await made.kafka('main').ranges('events', { signal, deadline: 300 })).toMatchObject({
    is: 'unknown',
  });
  await made.close();
});

it('tells the time and sleeps until its signal aborts', async () => {
  const { clock } = ports();
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  const controller = new AbortController();
  const reason = new Error('enough');
  const sleeping = clock.sleep(60_000, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await clock.sleep(1, new AbortController().signal);
});
