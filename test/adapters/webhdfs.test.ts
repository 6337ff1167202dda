import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from 'vitest';

import type { FileStatus } from '../../adapters/ports.js';
import { type WebHdfsConfig, webhdfsStorage } from '../../adapters/webhdfs.js';
import { faultOf } from '../../domain/failure.js';
import type { Reading } from '../../domain/reading.js';
import { secret } from '../../domain/secret.js';
import { type FaultyProxy, faultyProxy, HTTP_FAULTS } from '../support/faulty-proxy.js';
import { expectNothingLeft } from '../support/leftovers.js';
import {
  capturedBody,
  type FakeNameNode,
  fakeNameNode,
  type Namespace,
  namespace,
  page,
  remote,
} from './webhdfs-fake.js';

/** Milliseconds a call may last beyond its deadline: 100 by contract, and what a busy machine adds. */
const LATE = 1_500;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function nameNode(files: Namespace): Promise<FakeNameNode> {
  const node = await fakeNameNode(files);
  stops.push(() => node.close());
  return node;
}

async function proxyTo(target: number | null): Promise<FaultyProxy> {
  const proxy = await faultyProxy(target);
  stops.push(() => proxy.close());
  return proxy;
}

/** A namespace with one checkpoint directory. */
function checkpoints(): Namespace {
  const files = namespace();
  files.mkdirs('/flink/holdfast');
  files.write('/flink/cp/chk-1/_metadata', 'hello metadata');
  files.write('/flink/cp/shared/a', 'aaaa');
  return files;
}

const config = (urls: readonly string[], changes: Partial<WebHdfsConfig> = {}): WebHdfsConfig => ({
  kind: 'webhdfs',
  webhdfs: urls,
  nameservice: 'prod',
  authorities: [],
  user: 'flink',
  allow: ['/flink'],
  scratch: '/flink/holdfast',
  redirectHosts: [],
  ...changes,
});

const storageOf = (nodes: readonly { readonly url: string }[], changes: Partial<WebHdfsConfig> = {}) =>
  webhdfsStorage(
    'prod',
    config(
      nodes.map(({ url }) => url),
      changes,
    ),
  );

async function single(): Promise<{
  nn: FakeNameNode;
  files: Namespace;
  storage: ReturnType<typeof storageOf>;
}> {
  const files = checkpoints();
  const nn = await nameNode(files);
  return { nn, files, storage: storageOf([nn]) };
}

async function pair(): Promise<{
  nn1: FakeNameNode;
  nn2: FakeNameNode;
  files: Namespace;
  storage: ReturnType<typeof storageOf>;
}> {
  const files = checkpoints();
  const [nn1, nn2] = [await nameNode(files), await nameNode(files)];
  nn1.state = 'standby';
  return { nn1, nn2, files, storage: storageOf([nn1, nn2]) };
}

const call = (deadline?: number) => {
  const { signal } = new AbortController();
  return deadline === undefined ? { signal } : { signal, deadline };
};

const URI = 'hdfs://prod/flink/cp';

function valueOf<T>(reading: Reading<T>): T {
  if (reading.is !== 'present') throw new Error(`expected present, found ${JSON.stringify(reading)}`);
  return reading.value;
}

const codeOf = (reading: Reading<unknown>): string =>
  reading.is === 'unknown' ? reading.because.code : reading.is;

async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    return { code: `no failure: ${String(await work)}`, message: '' };
  } catch (error) {
    return faultOf(error);
  }
}

const textOf = (reading: Reading<Uint8Array>): string => Buffer.from(valueOf(reading)).toString();

describe('a URI', () => {
  it('belongs to the storage by nameservice or authority, with or without the RPC port', async () => {
    const { nn } = await single();
    const storage = storageOf([nn], { authorities: ['nn1:8020', 'nn2:9000'] });
    expect(
      ['hdfs://prod/x', 'hdfs://PROD/x', 'hdfs://nn1/x', 'hdfs://nn1:8020/x', 'hdfs://nn2:9000/x'].map(
        (uri) => storage.owns(uri),
      ),
    ).toEqual([true, true, true, true, true]);
    expect(
      ['hdfs://other/x', 'hdfs:///x', 'hdfs://nn2/x', 's3://prod/x', '/flink/x', 'file:/x', ''].map((uri) =>
        storage.owns(uri),
      ),
    ).toEqual([false, false, false, false, false, false, false]);
  });

  it.each([
    'hdfs://other/flink/cp',
    'hdfs://prod/etc/passwd',
    'hdfs://prod/flinky/cp',
    'hdfs://prod/flink/../etc/passwd',
    'hdfs://prod/flink/./cp',
    'hdfs://prod/flink/a\u0000b',
    'hdfs://prod/flink/a\nb',
    'hdfs://prod/flink/\ud800',
    'http://169.254.169.254/latest/meta-data',
    'file:/etc/passwd',
    'chk-7',
    '',
  ])('outside of what is allowed is foreign, and nothing is sent: %j', async (uri) => {
    const { nn, storage } = await single();
    expect(codeOf(await storage.stat(uri, call()))).toBe('StateForeign');
    expect(codeOf(await storage.list(uri, () => undefined, call()))).toBe('StateForeign');
    expect(codeOf(await storage.read(uri, { offset: 0, length: 1 }, call()))).toBe('StateForeign');
    expect(codeOf(await storage.blocks(uri, call()))).toBe('StateForeign');
    expect((await failureOf(storage.setAside(uri, 'hdfs://prod/flink/x', call()))).code).toBe('StateForeign');
    expect(nn.asked).toEqual([]);
  });

  it('reaches the NameNode with its names intact', async () => {
    const { nn, files, storage } = await single();
    for (const name of ['a b', 'a%20b', 'ä?x=1&op=DELETE', '#1', 'a+b', "it's"]) {
      files.write(`/flink/names/${name}`, name);
      const uri = `hdfs://prod/flink/names/${name}`;
      expect(valueOf(await storage.stat(uri, call())).path).toBe(uri);
      expect(textOf(await storage.read(uri, { offset: 0, length: 99 }, call()))).toBe(name);
    }
    expect(nn.asked.some((each) => each.includes('DELETE /'))).toBe(false);
  });
});

describe('a look', () => {
  it('reads status, listing and bytes', async () => {
    const { storage } = await single();
    expect(valueOf(await storage.stat(`${URI}/chk-1/_metadata`, call()))).toMatchObject({
      path: `${URI}/chk-1/_metadata`,
      kind: 'file',
      length: 14,
    });
    const seen: FileStatus[] = [];
    expect(valueOf(await storage.list(`${URI}/`, (each) => seen.push(...each), call()))).toEqual({
      entries: 2,
    });
    expect(seen.map(({ path, kind }) => [path, kind])).toEqual([
      [`${URI}/chk-1`, 'directory'],
      [`${URI}/shared`, 'directory'],
    ]);
    expect(textOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 6, length: 4 }, call()))).toBe(
      'meta',
    );
  });

  it('lists a huge directory in pages, in one call a page', async () => {
    const { nn, files, storage } = await single();
    const names = Array.from({ length: 95 }, (_, n) => `f${String(n).padStart(3, '0')}`);
    for (const name of names) files.write(`/flink/cp/big/${name}`, name);
    nn.pageSize = 10;
    nn.asked.length = 0;
    const pages: number[] = [];
    const seen: string[] = [];
    const reading = await storage.list(
      `${URI}/big`,
      (each) => {
        pages.push(each.length);
        seen.push(...each.map(({ path }) => path.slice(`${URI}/big/`.length)));
      },
      call(),
    );
    expect(valueOf(reading)).toEqual({ entries: 95 });
    expect(seen).toEqual(names);
    expect(pages).toEqual([...Array.from({ length: 9 }, () => 10), 5]);
    expect(nn.asked).toHaveLength(10);
  });

  it('lists as a whole where the NameNode has no pages', async () => {
    const { nn, storage } = await single();
    nn.hook = ({ op, method }) =>
      op === 'LISTSTATUS_BATCH'
        ? { status: 400, body: capturedBody('bad-op.json').replace('NOPE', op).replace('GET', method) }
        : undefined;
    for (let n = 0; n < 2; n += 1)
      expect(valueOf(await storage.list(URI, () => undefined, call()))).toEqual({ entries: 2 });
    expect(nn.asked.filter((each) => each.includes('LISTSTATUS_BATCH'))).toHaveLength(1);
  });

  it.each([
    ['repeats a page', (): readonly string[] => ['a', 'b']],
    ['goes backwards', (after: string | null) => (after === null ? ['b', 'c'] : ['a'])],
    ['gives an empty page', (after: string | null) => (after === null ? ['a'] : [])],
    ['names another directory', () => ['../../etc']],
    ['names nothing', () => ['', 'a']],
  ])('does not trust a listing that %s', async (_, names) => {
    const { nn, storage } = await single();
    nn.hook = ({ op, query }) => {
      if (op !== 'LISTSTATUS_BATCH') return undefined;
      const FileStatus = names(query.get('startAfter')).map((pathSuffix) => ({
        pathSuffix,
        type: 'FILE',
        length: 1,
        modificationTime: 1,
        fileId: 1,
      }));
      return {
        status: 200,
        body: JSON.stringify({
          DirectoryListing: { partialListing: { FileStatuses: { FileStatus } }, remainingEntries: 5 },
        }),
      };
    };
    expect(codeOf(await storage.list(URI, () => undefined, call(2000)))).toBe('StorageUnavailable');
  });

  it('reads a captured page of a real NameNode', async () => {
    const { nn, storage } = await single();
    nn.hook = ({ op }) =>
      op === 'LISTSTATUS_BATCH' ? { status: 200, body: capturedBody('liststatus-batch.json') } : undefined;
    const seen: FileStatus[] = [];
    const { entries } = valueOf(await storage.list(`${URI}/shared`, (each) => seen.push(...each), call()));
    expect(entries).toBe(seen.length);
    expect(seen[0]).toEqual({
      path: `${URI}/shared/00c96461-e8bb-4022-a6ee-587106c6a092`,
      kind: 'file',
      length: 17420,
      modified: 1795406091238,
    });
  });

  it('reads a file longer than one range in ranges of 8 MiB', async () => {
    const { nn, files, storage } = await single();
    const bytes = randomBytes(20 * 1024 * 1024 + 1);
    files.write('/flink/cp/long', bytes);
    nn.asked.length = 0;
    const read = valueOf(await storage.read(`${URI}/long`, { offset: 0, length: bytes.length }, call()));
    expect(Buffer.compare(read, bytes)).toBe(0);
    expect(nn.asked.filter((each) => each.startsWith('data'))).toHaveLength(3);
  });

  it('gives what is there when the range goes beyond the end', async () => {
    const { storage } = await single();
    const at = (offset: number, length: number) =>
      storage.read(`${URI}/chk-1/_metadata`, { offset, length }, call());
    expect(textOf(await at(9, 99))).toBe('adata');
    expect(textOf(await at(14, 5))).toBe('');
    expect(textOf(await at(99, 5))).toBe('');
    expect(textOf(await at(3, 0))).toBe('');
  });
});

describe('a lost block', () => {
  const full = { 'content-length': '14' };

  it.each<
    [
      string,
      (
        | Parameters<typeof remote>
        | {
            readonly status: number;
            readonly body?: string;
            readonly headers?: Record<string, string>;
            readonly cutAt?: number;
          }
      ),
    ]
  >([
    ['an announced and empty body', { status: 200, headers: full, cutAt: 0 }],
    ['a body that ends early', { status: 200, body: 'hello met', headers: full, cutAt: 9 }],
    [
      'fewer bytes than the file has, well announced',
      { status: 200, body: 'hello met', headers: { 'content-length': '9' } },
    ],
    ['no length and no bytes', { status: 200, headers: { 'content-length': '0' } }],
    [
      'an exception before the first byte',
      [403, 'BlockMissingException', 'Could not obtain block: BP-1 file=/flink'],
    ],
    ['a checksum error', [403, 'ChecksumException', 'Checksum error: /flink']],
    ['no live replica', [403, 'IOException', 'No active nodes contain this block']],
  ])('is unknown and never a short file: %s', async (_, answer) => {
    const { nn, storage } = await single();
    const reply = Array.isArray(answer) ? remote(...answer) : answer;
    nn.hook = ({ part }) => (part === 'data' ? reply : undefined);
    const reading = await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 14 }, call());
    expect(codeOf(reading)).toBe('BlocksMissing');
  });

  it('is read from another DataNode when the first one is dead', async () => {
    const { nn, storage } = await single();
    const dead = await proxyTo(null);
    await dead.set({ is: 'refuse' });
    nn.hook = ({ op, part, path, query }) =>
      op === 'OPEN' && part === 'name' && !query.has('excludedatanodes')
        ? { status: 307, headers: { location: `http://${dead.address}/webhdfs/v1${path}?op=OPEN` } }
        : undefined;
    expect(textOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 5 }, call()))).toBe(
      'hello',
    );
    expect(
      nn.lines.some((line) => line.includes(`excludedatanodes=${encodeURIComponent(dead.address)}`)),
    ).toBe(true);
  });

  it('leaves time for another DataNode when the first one is frozen', async () => {
    const { nn, storage } = await single();
    const frozen = await proxyTo(null);
    await frozen.set({ is: 'hang' });
    nn.hook = ({ op, part, path, query }) =>
      op === 'OPEN' && part === 'name' && !query.has('excludedatanodes')
        ? { status: 307, headers: { location: `http://${frozen.address}/webhdfs/v1${path}?op=OPEN` } }
        : undefined;
    expect(textOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 5 }, call(4_000)))).toBe(
      'hello',
    );
  });
});

describe('absent', () => {
  it('is what the active NameNode does not know, with the parent seen', async () => {
    const { nn, storage } = await single();
    expect(await storage.stat(`${URI}/chk-9`, call())).toEqual({ is: 'absent' });
    expect(await storage.list(`${URI}/chk-9`, () => undefined, call())).toEqual({ is: 'absent' });
    expect(await storage.read(`${URI}/chk-9`, { offset: 0, length: 1 }, call())).toEqual({ is: 'absent' });
    expect(await storage.blocks(`${URI}/chk-9`, call())).toEqual({ is: 'absent' });
    expect(nn.asked).toContain('name GET GETFILESTATUS /flink/cp');
  });

  it('is a path whose parent is gone too, with the allowed path seen', async () => {
    const { nn, storage } = await single();
    expect(await storage.stat(`${URI}/chk-9/_metadata`, call())).toEqual({ is: 'absent' });
    expect(nn.asked.at(-1)).toBe('name GET GETFILESTATUS /flink');
  });

  it('is a path below a file, although HDFS calls that denied', async () => {
    const { storage } = await single();
    expect(await storage.stat(`${URI}/chk-1/_metadata/x`, call())).toEqual({ is: 'absent' });
  });

  it('is a directory where a file is, and a file where a directory is', async () => {
    const { storage } = await single();
    expect(await storage.list(`${URI}/shared/a`, () => undefined, call())).toEqual({ is: 'absent' });
    expect(await storage.read(`${URI}/shared`, { offset: 0, length: 1 }, call())).toEqual({ is: 'absent' });
  });

  it('is not said by a namespace that has not even the allowed path', async () => {
    const nn = await nameNode(namespace());
    for (const path of ['/flink', '/flink/cp', '/flink/cp/chk-1/_metadata'])
      expect(codeOf(await storageOf([nn]).stat(`hdfs://prod${path}`, call()))).toBe('ConfigInvalid');
  });

  it.each([
    ["a gateway's 404", page(404)],
    ["a gateway's 200", page(200)],
    ["a gateway's 302", { status: 302, headers: { location: 'https://login.invalid/' } }],
    ['an empty 200', { status: 200 }],
    ['an empty 403', { status: 403 }],
    ['an empty 404', { status: 404 }],
    ['half of a JSON', { status: 200, body: '{"FileStatus":{"type":"FI' }],
    ['a status without a length', { status: 200, body: '{"FileStatus":{"type":"FILE","pathSuffix":""}}' }],
    ['a 500', page(500)],
    ['a 502', page(502)],
    ['a 503', page(503)],
    ['a 429', page(429)],
  ])('is not said after %s', async (_, reply) => {
    const { nn, storage } = await single();
    nn.hook = ({ op }) =>
      op === 'GETFILESTATUS' || op.startsWith('LISTSTATUS') || op === 'OPEN' ? reply : undefined;
    expect(codeOf(await storage.stat(`${URI}/chk-9`, call()))).toBe('StorageUnavailable');
    expect(codeOf(await storage.list(`${URI}/chk-9`, () => undefined, call()))).toBe('StorageUnavailable');
    expect(codeOf(await storage.read(`${URI}/chk-9`, { offset: 0, length: 1 }, call()))).toBe(
      'StorageUnavailable',
    );
  });

  it.each<[string, Parameters<typeof remote>, string]>([
    [
      'denied',
      [403, 'AccessControlException', 'Permission denied: user=other, access=EXECUTE'],
      'AccessDenied',
    ],
    ['an expired token', [403, 'InvalidToken', 'token is expired'], 'AuthFailed'],
    ['safe mode', [403, 'SafeModeException', 'Name node is in safe mode.'], 'StorageSafeMode'],
    ['start-up', [403, 'RetriableException', 'Namenode is in startup mode'], 'StorageUnavailable'],
    ['standby', [403, 'StandbyException', 'not supported in state standby'], 'StorageStandby'],
  ])('is not said when the look is refused: %s', async (_, refusal, code) => {
    const { nn, storage } = await single();
    nn.hook = ({ op }) => (op === 'GETFILESTATUS' ? remote(...refusal) : undefined);
    expect(codeOf(await storage.stat(`${URI}/chk-9`, call()))).toBe(code);
  });

  it('is not said when the control cannot be looked at', async () => {
    const { nn, storage } = await single();
    nn.hook = ({ op, path }) => (op === 'GETFILESTATUS' && path === '/flink/cp' ? page(503) : undefined);
    expect(codeOf(await storage.stat(`${URI}/chk-9`, call()))).toBe('StorageUnavailable');
  });
});

describe('a pair of NameNodes', () => {
  it('is asked until the active one answers, which is remembered', async () => {
    const { nn1, nn2, storage } = await pair();
    expect((await storage.stat(URI, call())).is).toBe('present');
    expect((await storage.stat(URI, call())).is).toBe('present');
    expect(nn1.asked).toHaveLength(1);
    expect(nn2.asked).toHaveLength(2);
  });

  it('remembers the one that gave a definite answer', async () => {
    const { nn1, storage } = await pair();
    expect(await storage.stat(`${URI}/chk-9`, call())).toEqual({ is: 'absent' });
    const asked = nn1.asked.filter((each) => each.includes('GETFILESTATUS')).length;
    expect((await storage.stat(URI, call())).is).toBe('present');
    expect(nn1.asked.filter((each) => each.includes('GETFILESTATUS'))).toHaveLength(asked);
  });

  it('works on while the other one is dead, frozen or a page', async () => {
    for (const fault of [{ is: 'refuse' }, { is: 'hang' }, { is: 'html', status: 404 }] as const) {
      const files = checkpoints();
      const nn2 = await nameNode(files);
      const gone = await proxyTo(null);
      await gone.set(fault);
      const storage = storageOf([{ url: `http://${gone.address}` }, nn2]);
      expect((await storage.stat(URI, call(4_000))).is).toBe('present');
      expect((await storage.proveUsable(call(8000))).endpoint).toBe(nn2.host);
      expect(await storage.stat(`${URI}/chk-9`, call(8000))).toEqual({ is: 'absent' });
    }
  });

  it('without an active one is standby, never absent', async () => {
    const { nn2, storage } = await pair();
    nn2.state = 'standby';
    expect(codeOf(await storage.stat(`${URI}/chk-9`, call()))).toBe('StorageStandby');
    expect((await failureOf(storage.proveUsable(call()))).code).toBe('StorageStandby');
  });

  it('with a dead one and a standby is standby', async () => {
    const files = checkpoints();
    const nn2 = await nameNode(files);
    nn2.state = 'standby';
    const dead = await proxyTo(null);
    await dead.set({ is: 'refuse' });
    const storage = storageOf([{ url: `http://${dead.address}` }, nn2]);
    expect(codeOf(await storage.stat(URI, call()))).toBe('StorageStandby');
  });

  it('never says absent while two claim to be active: the stale one may not know the file', async () => {
    const { nn1, storage } = await pair();
    nn1.state = 'active';
    expect(codeOf(await storage.stat(`${URI}/chk-9`, call()))).toBe('StorageStandby');
    expect((await failureOf(storage.proveUsable(call()))).code).toBe('StorageStandby');
  });

  it('never says absent when the one that answered is not the leader by JMX', async () => {
    const { nn1, nn2, storage } = await pair();
    nn1.state = 'active';
    nn2.hook = ({ op }) =>
      op === '/jmx' ? { status: 200, body: '{"beans":[{"State":"standby"}]}' } : undefined;
    nn1.hook = ({ op }) => (op === 'GETFILESTATUS' ? page(503) : undefined);
    expect(codeOf(await storage.stat(`${URI}/chk-9`, call()))).toBe('StorageStandby');
  });

  it.each(['nn1', 'nn2'] as const)(
    'goes on with a listing through a failover away from %s',
    async (first) => {
      const { nn1, nn2, files, storage } = await pair();
      const [from, to] = first === 'nn1' ? [nn1, nn2] : [nn2, nn1];
      from.state = 'active';
      to.state = 'standby';
      for (const name of ['a', 'b', 'c', 'd', 'e']) files.write(`/flink/cp/big/${name}`, name);
      from.pageSize = to.pageSize = 2;
      const seen: string[] = [];
      const reading = await storage.list(
        `${URI}/big`,
        (each) => {
          seen.push(...each.map(({ path }) => path.slice(-1)));
          from.state = 'standby';
          to.state = 'active';
        },
        call(),
      );
      expect(valueOf(reading)).toEqual({ entries: 5 });
      expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    },
  );

  it('does not complete a listing when nobody takes over', async () => {
    const { nn2, files, storage } = await pair();
    for (const name of ['a', 'b', 'c']) files.write(`/flink/cp/big/${name}`, name);
    nn2.pageSize = 2;
    const reading = await storage.list(`${URI}/big`, () => void (nn2.state = 'standby'), call());
    expect(codeOf(reading)).toBe('StorageStandby');
  });

  it('goes on with a read through a failover', async () => {
    const { nn1, nn2, files, storage } = await pair();
    const bytes = randomBytes(17 * 1024 * 1024);
    files.write('/flink/cp/long', bytes);
    nn2.hook = ({ part }) => {
      if (part !== 'data') return undefined;
      nn2.state = 'standby';
      nn1.state = 'active';
      return undefined;
    };
    const read = valueOf(await storage.read(`${URI}/long`, { offset: 0, length: bytes.length }, call()));
    expect(Buffer.compare(read, bytes)).toBe(0);
    expect(nn1.asked.some((each) => each.startsWith('data'))).toBe(true);
  });
});

describe('a storage is usable', () => {
  it('beside another proof, which does not sweep its probe file away', async () => {
    const { nn, files, storage } = await single();
    // The first proof waits between its write and its read until the second one has ended.
    let second: Promise<unknown> | undefined;
    nn.hook = async ({ op, part }) => {
      if (op !== 'OPEN' || part !== 'name' || second !== undefined) return undefined;
      second = storage.proveUsable(call(20_000));
      await second;
      return undefined;
    };
    await storage.proveUsable(call(20_000));
    await second;
    expect([...files.nodes.keys()].filter((path) => path.includes('probe-'))).toEqual([]);
  });

  it('when a probe file was written, read back and deleted by the only active NameNode', async () => {
    const { nn2, files, storage } = await pair();
    const before = [...files.nodes.keys()];
    const proof = await storage.proveUsable(call());
    expect(proof.endpoint).toBe(nn2.host);
    const probes = nn2.asked.filter((each) => each.includes('/flink/holdfast/probe-'));
    expect(probes.map((each) => each.split(' ').slice(0, 3).join(' '))).toEqual([
      'name PUT CREATE',
      'data PUT CREATE',
      'name GET OPEN',
      'data GET OPEN',
      'name DELETE DELETE',
    ]);
    expect(new Set(probes.map((each) => each.split(' ')[3])).size).toBe(1);
    expect([...files.nodes.keys()]).toEqual(before);
  });

  it('under an identity that a restart or a takeover changes, and nothing else', async () => {
    const { nn1, nn2, storage } = await pair();
    const { identity } = await storage.proveUsable(call());
    expect((await storage.proveUsable(call())).identity).toBe(identity);
    nn2.started += 1;
    const restarted = (await storage.proveUsable(call())).identity;
    nn2.transition += 1;
    const again = (await storage.proveUsable(call())).identity;
    nn2.state = 'standby';
    nn1.state = 'active';
    const other = (await storage.proveUsable(call())).identity;
    expect(new Set([identity, restarted, again, other]).size).toBe(4);
  });

  it.each<[string, (nn: FakeNameNode) => void, string]>([
    [
      'in safe mode',
      (nn) => (nn.safemode = 'Safe mode is ON. It was turned on manually.'),
      'StorageSafeMode',
    ],
    ['standby only', (nn) => (nn.state = 'standby'), 'StorageStandby'],
    ['still loading its image', (nn) => (nn.state = 'starting'), 'StorageUnavailable'],
    [
      'without JMX',
      (nn) => (nn.hook = ({ op }) => (op === '/jmx' ? page(404) : undefined)),
      'StorageUnavailable',
    ],
    [
      'closed to this user',
      (nn) => (nn.hook = ({ op }) => (op === '/jmx' ? page(403) : undefined)),
      'AccessDenied',
    ],
    [
      'asking for a ticket',
      (nn) => (nn.hook = ({ op }) => (op === '/jmx' ? page(401) : undefined)),
      'AuthFailed',
    ],
    [
      'without a DataNode',
      (nn) =>
        (nn.hook = ({ op }) =>
          op === 'CREATE' ? { status: 403, body: capturedBody('no-datanode-create.json') } : undefined),
      'StorageNotWritable',
    ],
    [
      'in safe mode since a moment',
      (nn) =>
        (nn.hook = ({ op, part }) =>
          op === 'CREATE' && part === 'data'
            ? { status: 403, body: capturedBody('safemode-create-dn.json') }
            : undefined),
      'StorageSafeMode',
    ],
    [
      'over its quota',
      (nn) =>
        (nn.hook = ({ op }) =>
          op === 'CREATE' ? remote(403, 'DSQuotaExceededException', 'quota') : undefined),
      'StorageNotWritable',
    ],
    [
      'closed to its user',
      (nn) =>
        (nn.hook = ({ op }) =>
          op === 'CREATE' ? { status: 403, body: capturedBody('access-denied-mkdirs.json') } : undefined),
      'AccessDenied',
    ],
    [
      'failing to write',
      (nn) => (nn.hook = ({ op, part }) => (op === 'CREATE' && part === 'data' ? page(503) : undefined)),
      'StorageNotWritable',
    ],
    [
      'losing what it wrote',
      (nn) =>
        (nn.hook = ({ op, part }) =>
          op === 'OPEN' && part === 'data'
            ? { status: 200, headers: { 'content-length': '64' }, cutAt: 0 }
            : undefined),
      'StorageNotWritable',
    ],
    [
      'giving back other bytes',
      (nn) =>
        (nn.hook = ({ op, part }) =>
          op === 'OPEN' && part === 'data' ? { status: 200, body: Buffer.alloc(64) } : undefined),
      'StorageNotWritable',
    ],
  ])('not when it is %s', async (_, spoil, code) => {
    const { nn, storage } = await single();
    spoil(nn);
    expect((await failureOf(storage.proveUsable(call()))).code).toBe(code);
  });

  it('not when the active NameNode changed during the proof', async () => {
    const { nn1, nn2, storage } = await pair();
    nn2.hook = ({ op, part }) => {
      if (op === 'OPEN' && part === 'data') {
        nn2.state = 'standby';
        nn1.state = 'active';
      }
      return undefined;
    };
    expect((await failureOf(storage.proveUsable(call()))).code).toBe('StorageStandby');
  });

  it("and deletes a probe file that it could not delete the last time, but nobody else's", async () => {
    const { nn, files, storage } = await single();
    files.write('/flink/holdfast/probe-of-somebody-else', 'x');
    nn.hook = ({ op }) => (op === 'DELETE' ? page(503) : undefined);
    await storage.proveUsable(call());
    const probes = () => [...files.nodes.keys()].filter((path) => path.startsWith('/flink/holdfast/'));
    expect(probes()).toHaveLength(2);
    nn.hook = null;
    await storage.proveUsable(call());
    expect(probes()).toEqual(['/flink/holdfast/probe-of-somebody-else']);
  });
});

describe('the blocks below a path', () => {
  it('are healthy, or named file by file', async () => {
    const { nn, storage } = await single();
    expect(valueOf(await storage.blocks(URI, call()))).toEqual({
      healthy: true,
      missingFiles: [],
      corruptFiles: [],
    });
    nn.hook = ({ op }) =>
      op === '/fsck' ? { status: 200, body: capturedBody('fsck-corrupt.txt') } : undefined;
    expect(valueOf(await storage.blocks('hdfs://prod/flink', call()))).toEqual({
      healthy: false,
      missingFiles: ['hdfs://prod/flink/lost one'],
      corruptFiles: ['hdfs://prod/flink/damaged'],
    });
  });

  it('are not judged while the NameNode waits for the reports of its DataNodes', async () => {
    const { nn, storage } = await single();
    nn.safemode = 'Safe mode is ON. The reported blocks 0 needs additional 526 blocks.';
    expect(codeOf(await storage.blocks(URI, call()))).toBe('StorageSafeMode');
    expect(nn.asked.some((each) => each.includes('/fsck'))).toBe(false);
  });

  it('are healthy for a user who may not run fsck only when nothing at all is missing', async () => {
    const { nn, storage } = await single();
    nn.hook = ({ op }) =>
      op === '/fsck' ? { status: 200, body: capturedBody('fsck-denied.txt') } : undefined;
    expect(valueOf(await storage.blocks(URI, call())).healthy).toBe(true);
    nn.hook = ({ op, query }) => {
      if (op === '/fsck') return { status: 200, body: capturedBody('fsck-denied.txt') };
      return query.get('get')?.endsWith('MissingBlocks')
        ? { status: 200, body: '{"beans":[{"MissingBlocks":2}]}' }
        : undefined;
    };
    expect(codeOf(await storage.blocks(URI, call()))).toBe('AccessDenied');
  });

  it('are unknown when the report was cut', async () => {
    const { nn, storage } = await single();
    nn.hook = ({ op }) =>
      op === '/fsck' ? { status: 200, body: capturedBody('fsck-healthy.txt').slice(0, 300) } : undefined;
    expect(codeOf(await storage.blocks(URI, call()))).toBe('StorageUnavailable');
  });
});

describe('setting a file aside', () => {
  const FROM = `${URI}/shared/a`;
  const TO = `${URI}/shared/a.aside`;

  it('renames it within its directory', async () => {
    const { files, storage } = await single();
    await storage.setAside(FROM, TO, call());
    expect(files.nodes.has('/flink/cp/shared/a')).toBe(false);
    expect(files.nodes.get('/flink/cp/shared/a.aside')?.bytes.toString()).toBe('aaaa');
  });

  it.each<[string, string, string, string]>([
    ['another directory', FROM, `${URI}/chk-1/a`, 'StateForeign'],
    ['its own name', FROM, FROM, 'StateForeign'],
    ['a name that is taken', FROM, `${URI}/shared/b`, 'Unclassified'],
    ['a directory instead of a file', `${URI}/shared`, `${URI}/shared2`, 'ConfigInvalid'],
    ['a file that is not there', `${URI}/shared/x`, TO, 'StateMissing'],
  ])('refuses %s and renames nothing', async (_, from, to, code) => {
    const { nn, files, storage } = await single();
    files.write('/flink/cp/shared/b', 'b');
    expect((await failureOf(storage.setAside(from, to, call()))).code).toBe(code);
    expect(nn.asked.some((each) => each.includes('RENAME'))).toBe(false);
  });

  it('is done when the answer was lost but both looks show it', async () => {
    const { nn, files, storage } = await single();
    nn.hook = ({ op }) => {
      if (op !== 'RENAME') return undefined;
      const file = files.nodes.get('/flink/cp/shared/a');
      if (file) files.nodes.set('/flink/cp/shared/a.aside', file);
      files.nodes.delete('/flink/cp/shared/a');
      return 'reset';
    };
    await storage.setAside(FROM, TO, call());
    expect(nn.asked.filter((each) => each.includes('RENAME'))).toHaveLength(1);
  });

  it.each<[string, ReturnType<typeof remote> | 'reset', string]>([
    ['the answer was lost', 'reset', 'StorageUnavailable'],
    ['the NameNode says false', { status: 200, body: '{"boolean":false}' }, 'Unclassified'],
    [
      'the NameNode says true and did nothing',
      { status: 200, body: '{"boolean":true}' },
      'StorageUnavailable',
    ],
    ['safe mode', { status: 403, body: capturedBody('safemode-rename.json') }, 'StorageSafeMode'],
  ])('is not confirmed, and not repeated, when %s', async (_, reply, code) => {
    const { nn, storage } = await single();
    nn.hook = ({ op }) => (op === 'RENAME' ? reply : undefined);
    expect((await failureOf(storage.setAside(FROM, TO, call()))).code).toBe(code);
    expect(nn.asked.filter((each) => each.includes('RENAME'))).toHaveLength(1);
  });
});

describe('who asks', () => {
  it('is the user of the configuration', async () => {
    const { nn, storage } = await single();
    await storage.stat(URI, call());
    await storage.blocks(URI, call());
    expect(nn.lines[0]).toContain('user.name=flink');
    expect(nn.lines.find((line) => line.includes('/fsck'))).toContain('ugi=flink');
  });

  it('is the token instead, which no error shows', async () => {
    const { nn } = await single();
    const storage = storageOf([nn], { delegationToken: secret('hunter2') });
    await storage.stat(URI, call());
    expect(nn.lines[0]).toContain('delegation=hunter2');
    expect(nn.lines[0]).not.toContain('user.name');
    nn.hook = () => remote(403, 'InvalidToken', 'token delegation=hunter2 is expired');
    const reading = await storage.stat(URI, call());
    expect(codeOf(reading)).toBe('AuthFailed');
    expect(JSON.stringify(reading)).not.toContain('hunter2');
    expect(JSON.stringify(await failureOf(storage.proveUsable(call())))).not.toContain('hunter2');
  });

  it('is believed over TLS only with the configured authority', async () => {
    const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
    const ca = fileURLToPath(new URL('../fixtures/tls/server.pem', import.meta.url));
    const nn = await fakeNameNode(checkpoints(), { cert: pem('server.pem'), key: pem('server.key') });
    stops.push(() => nn.close());
    const trusting = storageOf([nn], { tls: { ca } });
    expect((await trusting.proveUsable(call())).endpoint).toBe(nn.host);
    expect(textOf(await trusting.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 5 }, call()))).toBe(
      'hello',
    );
    expect(codeOf(await storageOf([nn]).stat(URI, call()))).toBe('StorageUnavailable');
    expect(() => storageOf([nn], { tls: { ca: '/nowhere/ca.pem' } })).toThrow('TLS file');
  });
});

describe('a redirect', () => {
  const PATH = '/webhdfs/v1/flink/cp/chk-1/_metadata?op=OPEN';

  it.each([
    ['another host than allowed', { redirectHosts: ['dn1', 'dn2:9864'] }, 'http://evil.invalid:9864'],
    ['another protocol', {}, 'ftp://127.0.0.1'],
  ])('to %s is not followed', async (_, changes, origin) => {
    const { nn } = await single();
    nn.hook = ({ op }) => (op === 'OPEN' ? { status: 307, headers: { location: origin + PATH } } : undefined);
    const storage = storageOf([nn], changes);
    expect(codeOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 5 }, call()))).toBe(
      'StateForeign',
    );
  });

  it('to another path is not followed', async () => {
    const { nn, storage } = await single();
    nn.hook = ({ op, part }) =>
      op === 'OPEN' && part === 'name'
        ? { status: 307, headers: { location: `${nn.url}/webhdfs/v1/etc/passwd?op=OPEN&datanode=1` } }
        : undefined;
    expect(codeOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 5 }, call()))).toBe(
      'StateForeign',
    );
    expect(nn.asked.some((each) => each.startsWith('data'))).toBe(false);
  });

  it('to an allowed host is followed', async () => {
    const { nn } = await single();
    for (const redirectHosts of [['127.0.0.1'], [nn.host]]) {
      const storage = storageOf([nn], { redirectHosts });
      expect(textOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 5 }, call()))).toBe(
        'hello',
      );
    }
  });
});

describe('the limit of NameNode calls', () => {
  it('spreads calls over time', async () => {
    const { nn } = await single();
    const storage = webhdfsStorage('prod', config([nn.url]), { nameNodeCalls: 20 });
    const start = performance.now();
    await Promise.all(Array.from({ length: 30 }, () => storage.stat(URI, call())));
    // 20 at once, 10 more at 20 a second.
    expect(performance.now() - start).toBeGreaterThan(450);
    expect(nn.asked).toHaveLength(30);
  });

  it('sends nothing that would come too late', async () => {
    const { nn } = await single();
    const storage = webhdfsStorage('prod', config([nn.url]), { nameNodeCalls: 1 });
    expect((await storage.stat(URI, call())).is).toBe('present');
    expect(codeOf(await storage.stat(URI, call(200)))).toBe('StorageUnavailable');
    expect(nn.asked).toHaveLength(1);
  });
});

describe('a proxy in between', () => {
  it.each(HTTP_FAULTS)(
    'that $name makes every look unknown and every act a failure, in time',
    async (fault) => {
      const { nn } = await single();
      const proxy = await proxyTo(nn.port);
      await proxy.set(fault);
      const storage = storageOf([{ url: `http://${proxy.address}` }]);
      const timed = async (work: () => Promise<string>) => {
        const start = performance.now();
        const code = await work();
        expect(performance.now() - start).toBeLessThan(250 + LATE);
        return code;
      };
      const looks = [
        () => storage.stat(`${URI}/chk-1`, call(250)),
        () => storage.stat(`${URI}/chk-9`, call(250)),
        () => storage.list(URI, () => undefined, call(250)),
        () => storage.blocks(URI, call(250)),
      ];
      const servlets = new Set(['StorageUnavailable', 'AccessDenied']);
      for (const look of looks.slice(0, 3))
        expect(await timed(async () => codeOf(await look()))).toBe('StorageUnavailable');
      expect(servlets).toContain(await timed(async () => codeOf(await storage.blocks(URI, call(250)))));
      const read = await timed(async () =>
        codeOf(await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 14 }, call(250))),
      );
      expect(['StorageUnavailable', 'StateForeign', 'BlocksMissing']).toContain(read);
      const acts = [
        () => storage.proveUsable(call(250)),
        () => storage.setAside(`${URI}/shared/a`, `${URI}/shared/b`, call(250)),
      ];
      for (const act of acts)
        expect(servlets).toContain(await timed(async () => (await failureOf(act())).code));
      await proxy.set({ is: 'none' });
      expect((await storage.stat(`${URI}/chk-1`, call())).is).toBe('present');
    },
  );

  it('before a DataNode makes a read unknown, in time', async () => {
    for (const fault of HTTP_FAULTS) {
      const { nn, storage } = await single();
      const proxy = await proxyTo(nn.port);
      await proxy.set(fault);
      nn.hook = ({ op, part, path }) =>
        op === 'OPEN' && part === 'name'
          ? {
              status: 307,
              headers: { location: `http://${proxy.address}/webhdfs/v1${path}?op=OPEN&datanode=1` },
            }
          : undefined;
      const start = performance.now();
      const reading = await storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 14 }, call(300));
      expect([fault.name, reading.is]).toEqual([fault.name, 'unknown']);
      expect(performance.now() - start).toBeLessThan(300 + LATE);
    }
  });

  it('ends a call at once when it is aborted', async () => {
    const proxy = await proxyTo(null);
    await proxy.set({ is: 'hang' });
    const storage = storageOf([{ url: `http://${proxy.address}` }]);
    const abort = new AbortController();
    const calls = [
      storage.stat(URI, { signal: abort.signal }),
      storage.list(URI, () => undefined, { signal: abort.signal }),
      storage.proveUsable({ signal: abort.signal }),
    ];
    abort.abort(new Error('enough'));
    for (const each of calls) await expect(each).rejects.toThrow('enough');
  });

  it('leaves no socket, timer or listener behind after 500 faulty calls', async () => {
    const { nn } = await single();
    const proxy = await proxyTo(nn.port);
    const storage = webhdfsStorage('prod', config([`http://${proxy.address}`]), { nameNodeCalls: 100_000 });
    await expectNothingLeft(async (signal) => {
      for (let n = 0; n < 500;) {
        await proxy.set(HTTP_FAULTS[(n / 10) % HTTP_FAULTS.length] ?? { is: 'none' });
        const burst = Array.from({ length: 10 }, (_, each) =>
          each % 2 === 0
            ? storage.stat(URI, { signal, deadline: 30 })
            : storage.read(`${URI}/chk-1/_metadata`, { offset: 0, length: 14 }, { signal, deadline: 30 }),
        );
        for (const reading of await Promise.all<Reading<unknown>>(burst)) expect(reading.is).toBe('unknown');
        n += burst.length;
      }
      await proxy.set({ is: 'none' });
    });
  });
});
